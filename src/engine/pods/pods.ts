/**
 * Pods: what several containers share, without a process that holds it. The kernel keeps the namespaces as long as their
 * files are mounted, so they outlive the daemon and every container. Containers say `pod:<id>` as their mode of network and
 * IPC; and of PID, where a process has to hold the namespace (`pod_init.ts`), which is there from the first such container on.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createConnection, Socket } from "node:net";
import { fromText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import { connectLoopback } from "../../sys/index.ts";
import { defaultHostConfig } from "../containers/host_config.ts";
import { newNetworkSettings, type EndpointSettings } from "../containers/network_settings.ts";
import type { ContainerRecord, HostConfig } from "../containers/record.ts";
import type { ConnectedNetwork, RunNetworking } from "../live/types.ts";
import { goTime } from "../time.ts";
import { isPodInitHalfMade, makePodInit, podInitState, removePodInit } from "./pod_init.ts";
import { hasPlaces, makePlaces, placesIn, removePlaces } from "./pod_places.ts";
import {
  forgetPod,
  idsOfPods,
  listPods,
  podFolder,
  readPod,
  readWrittenPod,
  readyPod,
  writePod,
  type PodDns,
  type PodRecord,
} from "./pod_record.ts";

export type { PodRecord };

export interface NewPod {
  /** A network's name; `host`, `none`. */
  readonly network: string;
  readonly hostname: string;
  /** As `HostConfig.PortBindings` has them: `80/tcp` to places on the host. */
  readonly ports: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[]>>;
  readonly dns: PodDns;
  readonly data: unknown;
}

export class Pods {
  readonly #store: Store;
  readonly #networking: RunNetworking;
  /** PID namespaces that are being made, by pod. */
  readonly #pids = new Map<string, Promise<void>>();

  constructor(store: Store, networking: RunNetworking) {
    this.#store = store;
    this.#networking = networking;
  }

  /** Newest first. */
  list(): PodRecord[] {
    return listPods(this.#store.root);
  }

  /** By ID or the beginning of one. @throws Failure("not-found"); "invalid" where several begin so */
  find(text: string): PodRecord {
    const { root } = this.#store;
    const exact = readPod(root, text);
    if (exact !== undefined) return exact;
    const [pod, second] = text === "" ? [] : listPods(root).filter(({ id }) => id.startsWith(text));
    if (second !== undefined) throw new Failure("invalid", `several pods begin with ${text}`);
    if (pod === undefined) throw new Failure("not-found", `No such pod: ${text}`);
    return pod;
  }

  /** One that containers can be started in. @throws Failure as {@link find}; "conflict" for one that is stopped */
  ready(text: string): PodRecord {
    return readyPod(this.#store.root, this.find(text).id);
  }

  /** @throws Failure of the network; nothing is left then */
  async create(wanted: NewPod): Promise<PodRecord> {
    const { root } = this.#store;
    const id = randomBytes(32).toString("hex");
    const pod: PodRecord = {
      id,
      created: goTime(Date.now()),
      ready: false,
      network: wanted.network,
      addresses: [],
      networkNamespace: "",
      ...placesIn(podFolder(root, id)),
      hostname: wanted.hostname || id.slice(0, 12),
      dns: wanted.dns,
      data: wanted.data,
    };
    await writePod(root, pod);
    try {
      makePlaces(pod);
      const made = { ...pod, ...(await this.#connect(pod, wanted)), ready: true };
      await writePod(root, made);
      return made;
    } catch (error) {
      await this.#takeAway(pod);
      await forgetPod(root, id);
      throw error;
    }
  }

  /**
   * A connection to a port of its loopback, where what listens for the pod alone can be reached as well.
   * @throws Failure as {@link ready}; SysError or an error of Node's (ECONNREFUSED)
   */
  async connect(text: string, port: number, signal: AbortSignal): Promise<Socket> {
    const { networkNamespace } = this.ready(text);
    if (networkNamespace === "") return connectHere(port, signal);
    const fd = await connectLoopback(fromText(networkNamespace), port, signal);
    return new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
  }

  /**
   * Sees to it that containers can have `pod:<id>` as their PID mode. They share the namespace until the pod is stopped.
   * @param cgroupParent as `HostConfig.CgroupParent`, for the process that holds it
   * @throws Failure as {@link ready}, or of the runtime
   */
  async sharePids(text: string, cgroupParent: string): Promise<void> {
    const { id } = this.ready(text);
    const folder = podFolder(this.#store.root, id);
    const underWay = this.#pids.get(id);
    if (underWay !== undefined) return underWay;
    if (podInitState(folder) === "runs") return;
    const making = makePodInit(folder, id, cgroupParent).finally(() => void this.#pids.delete(id));
    this.#pids.set(id, making);
    await making;
  }

  /** No container is started in it any more. */
  async close(text: string): Promise<void> {
    const pod = this.find(text);
    if (readWrittenPod(this.#store.root, pod.id)?.ready === true)
      await writePod(this.#store.root, { ...pod, ready: false, addresses: [] });
  }

  /** Lets go of its namespaces; its containers have to be stopped before. Harmless for one that is stopped. */
  async stop(text: string): Promise<void> {
    const pod = this.find(text);
    // First, so that a kill half-way leaves none that seems to work.
    await this.close(pod.id);
    await this.#pids.get(pod.id)?.catch(() => undefined);
    await this.#takeAway(pod);
  }

  async remove(text: string): Promise<void> {
    const { id } = this.find(text);
    await this.stop(id);
    await forgetPod(this.#store.root, id);
  }

  /** For a daemon at its start: what a reboot or a kill has taken half away goes whole. What cannot is told to `warn`. */
  async reconcile(warn: (text: string) => void): Promise<void> {
    for (const id of idsOfPods(this.#store.root)) {
      const pod = readPod(this.#store.root, id);
      const folder = podFolder(this.#store.root, id);
      const isWhole = pod?.ready === true && hasPlaces(pod);
      if (isWhole && !isPodInitHalfMade(folder)) continue;
      const ending = isWhole
        ? removePodInit(folder)
        : pod === undefined
          ? this.#forgetDamaged(id)
          : this.stop(id);
      await ending.catch((error: Error) => warn(`pod ${id}: ${error.message}`));
    }
  }

  async #connect(pod: PodRecord, { ports, dns }: NewPod): Promise<Partial<PodRecord>> {
    if (pod.network === "host") return {};
    const record = asContainer(pod, Object.keys(ports));
    const hostConfig: HostConfig = {
      ...defaultHostConfig(),
      NetworkMode: pod.network,
      PortBindings: ports,
      Dns: [...dns.servers],
      DnsSearch: [...dns.search],
      DnsOptions: [...dns.options],
    };
    const { namespace = "", connected } = await this.#networking.connect(record, hostConfig);
    const { etc, settings } = await connected;
    const addresses = addressesOf(settings(record.NetworkSettings));
    return { networkNamespace: namespace, addresses, ...(etc !== undefined && { dns: etc.dns }) };
  }

  /** What it was is not known any more. */
  async #forgetDamaged(id: string): Promise<void> {
    const folder = podFolder(this.#store.root, id);
    await removePodInit(folder);
    removePlaces(placesIn(folder));
    await forgetPod(this.#store.root, id);
  }

  async #takeAway(pod: PodRecord): Promise<void> {
    if (pod.network !== "host") (await this.#networking.disconnect(pod.id))();
    await removePodInit(podFolder(this.#store.root, pod.id));
    removePlaces(pod);
  }
}

/** In the host's network. */
async function connectHere(port: number, signal: AbortSignal): Promise<Socket> {
  const socket = createConnection({ host: "127.0.0.1", port, allowHalfOpen: true });
  try {
    await once(socket, "connect", { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}

/** Networks know containers only. */
function asContainer({ id, hostname, network }: PodRecord, ports: readonly string[]): ContainerRecord {
  const ExposedPorts = Object.fromEntries(ports.map((port) => [port, {}]));
  const NetworkSettings = newNetworkSettings(network, {}, { disabled: false, anonymous: true });
  const Config = { Hostname: hostname, ExposedPorts };
  return { ID: id, Name: `/pod-${id.slice(0, 12)}`, Config, NetworkSettings } as unknown as ContainerRecord;
}

function addressesOf(settings: ReturnType<ConnectedNetwork["settings"]>): string[] {
  const endpoints = Object.values(settings["Networks"] as Record<string, EndpointSettings>);
  const all = endpoints.flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address]);
  return all.filter((address) => address !== "");
}
