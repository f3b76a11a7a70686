/** Pod sandboxes: pods of the engine with what Kubernetes says of them. */
import { mkdirSync } from "node:fs";
import type { Daemon, NewPod, PodRecord } from "../../engine/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import type { Read, Write } from "../../rpc/index.ts";
import { namespaceModes, sandboxStates, type SandboxStatus } from "../protocol/index.ts";
import type * as protocol from "../protocol/index.ts";
import { statusOf } from "./container_status.ts";
import type { ContainerService } from "./containers.ts";
import { isSelected, sandboxSaid, type SandboxSaid } from "./kept.ts";
import { nanoseconds, now } from "./moments.ts";

/** As the engine tells of a container's. */
export interface SandboxEvent {
  readonly action: "create" | "start" | "die" | "destroy";
  readonly pod: PodRecord;
  /** Nanoseconds since 1970. */
  readonly at: bigint;
}

export class SandboxService {
  readonly #daemon: Daemon;
  readonly #containers: ContainerService;
  /** That sandboxes are in which ask for one of their own. */
  readonly #network: string;
  /** Of those that are being made. */
  readonly #names = new Set<string>();
  readonly #listeners = new Set<(event: SandboxEvent) => void>();

  constructor(daemon: Daemon, containers: ContainerService, network: string) {
    this.#daemon = daemon;
    this.#containers = containers;
    this.#network = network;
  }

  async run(
    request: Read<typeof protocol.RunPodSandboxRequest>,
  ): Promise<Write<typeof protocol.RunPodSandboxResponse>> {
    const { config, runtimeHandler } = request;
    if (config?.metadata === undefined)
      throw new Failure("invalid", "run a sandbox: it needs a config with metadata");
    if (runtimeHandler !== "") {
      throw new Failure("invalid", `no runtime for ${JSON.stringify(runtimeHandler)} is configured`);
    }
    const name = this.#reserve(config);
    try {
      return { podSandboxId: await this.#make(config) };
    } finally {
      this.#names.delete(name);
    }
  }

  async #make(config: SandboxSaid): Promise<string> {
    if (config.logDirectory !== "") mkdirSync(config.logDirectory, { recursive: true });
    const isHost = config.linux?.security?.namespaces?.network === namespaceModes.node;
    const pod = await this.#daemon.pods.create({
      network: isHost ? "host" : this.#network,
      hostname: config.hostname,
      ports: isHost ? {} : portsOf(config),
      dns: {
        servers: config.dns?.servers ?? [],
        search: config.dns?.searches ?? [],
        options: config.dns?.options ?? [],
      },
      data: config,
    });
    this.#tell("create", pod);
    this.#tell("start", pod);
    return pod.id;
  }

  /** Kills what runs in it. One that there is not is no failure, here and below. */
  async stop(text: string): Promise<void> {
    const pod = this.#unlessGone(text);
    if (pod === undefined) return;
    // First, so that none is started behind those that are stopped.
    await this.#daemon.pods.close(pod.id);
    const all = await this.#containers.matching({ podSandboxId: pod.id });
    // Also one whose start is under way, which does not run yet.
    await Promise.all(all.map(({ record }) => this.#containers.stop(record.ID, 0)));
    await this.#daemon.pods.stop(pod.id);
    if (pod.ready) this.#tell("die", this.#daemon.pods.find(pod.id));
  }

  async remove(text: string): Promise<void> {
    const pod = this.#unlessGone(text);
    if (pod === undefined) return;
    await this.stop(pod.id);
    const left = await this.#containers.matching({ podSandboxId: pod.id });
    await Promise.all(left.map(({ record }) => this.#containers.remove(record.ID)));
    await this.#daemon.pods.remove(pod.id);
    this.#tell("destroy", { ...pod, ready: false });
  }

  /** Told of what happens to sandboxes, until it is disposed of. */
  listen(listener: (event: SandboxEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  #tell(action: SandboxEvent["action"], pod: PodRecord): void {
    for (const listener of this.#listeners) listener({ action, pod, at: now() });
  }

  /** @throws Failure("not-found") */
  find(text: string): PodRecord {
    return this.#daemon.pods.find(text);
  }

  async status({
    podSandboxId,
    verbose,
  }: Read<typeof protocol.PodSandboxStatusRequest>): Promise<
    Write<typeof protocol.PodSandboxStatusResponse>
  > {
    const pod = this.find(podSandboxId);
    // Before the containers are looked at: kubelet takes what it says for what was at that time.
    const timestamp = now();
    const all = await this.#containers.matching({ podSandboxId: pod.id });
    return {
      status: this.shown(pod),
      containersStatuses: await Promise.all(all.map((each) => statusOf(this.#daemon, each))),
      timestamp,
      ...(verbose && { info: { info: JSON.stringify({ networkNamespace: pod.networkNamespace }) } }),
    };
  }

  matching(filter: {
    readonly id?: string;
    readonly state?: number | undefined;
    readonly labels?: Readonly<Record<string, string>>;
  }): PodRecord[] {
    const { id = "", state, labels = {} } = filter;
    return this.#daemon.pods
      .list()
      .filter(
        (pod) =>
          pod.id.startsWith(id) &&
          (state === undefined || stateOf(pod) === state) &&
          isSelected(sandboxSaid(pod).labels, labels),
      );
  }

  list(request: Read<typeof protocol.ListPodSandboxRequest>): Write<typeof protocol.ListPodSandboxResponse> {
    const { filter } = request;
    return {
      items: this.matching({ ...filter, state: filter?.state?.state }).map((pod) => {
        const { metadata, labels, annotations } = sandboxSaid(pod);
        const createdAt = nanoseconds(pod.created);
        return { id: pod.id, metadata, state: stateOf(pod), createdAt, labels, annotations };
      }),
    };
  }

  shown(pod: PodRecord): Write<typeof SandboxStatus> {
    const { metadata, labels, annotations, linux } = sandboxSaid(pod);
    const [ip = "", ...others] = pod.addresses;
    return {
      id: pod.id,
      metadata,
      state: stateOf(pod),
      createdAt: nanoseconds(pod.created),
      network: { ip, additionalIps: others.map((each) => ({ ip: each })) },
      linux: { namespaces: { options: linux?.security?.namespaces ?? {} } },
      labels,
      annotations,
    };
  }

  /**
   * kubelet asks again when an answer was lost; two sandboxes of one attempt would be its end.
   * @returns to be struck off `#names` when the sandbox has been made, or has not
   */
  #reserve({ metadata }: SandboxSaid): string {
    const key = JSON.stringify(metadata);
    const same = this.#daemon.pods.list().find((pod) => JSON.stringify(sandboxSaid(pod).metadata) === key);
    if (same !== undefined || this.#names.has(key)) {
      throw new Failure(
        "conflict",
        `a sandbox of ${metadata?.namespace}/${metadata?.name} ${same === undefined ? "is being made" : `exists: ${same.id}`}`,
      );
    }
    this.#names.add(key);
    return key;
  }

  #unlessGone(text: string): PodRecord | undefined {
    try {
      return this.#daemon.pods.find(text);
    } catch (error) {
      if (isFailure(error, "not-found")) return undefined;
      throw error;
    }
  }
}

function stateOf({ ready }: PodRecord): number {
  return ready ? sandboxStates.ready : sandboxStates.notReady;
}

/** By `Protocol`. */
const protocols = ["tcp", "udp", "sctp"];

function portsOf({ portMappings }: SandboxSaid): NewPod["ports"] {
  const ports: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { protocol, containerPort, hostPort, hostIp } of portMappings) {
    if (hostPort === 0) continue;
    const place = { HostIp: hostIp, HostPort: String(hostPort) };
    (ports[`${containerPort}/${protocols[protocol] ?? "tcp"}`] ??= []).push(place);
  }
  return ports;
}
