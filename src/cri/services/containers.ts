/** Containers of sandboxes. */
import { closeSync, constants, openSync } from "node:fs";
import type { ContainerRecord, Daemon, HostConfig, PodRecord } from "../../engine/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import type { Read, Write } from "../../rpc/index.ts";
import { containerStates, namespaceModes } from "../protocol/index.ts";
import type * as protocol from "../protocol/index.ts";
import { containerOptions, logPathOf, resourcesOf } from "./container_options.ts";
import { stateOf, statusOf } from "./container_status.ts";
import { isSelected, keptOf, sandboxSaid, type ContainerKept, type ContainerSaid } from "./kept.ts";
import { nanoseconds } from "./moments.ts";

const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;

/** A container of the engine's with what Kubernetes has said of it. */
export interface CriContainer {
  readonly record: ContainerRecord;
  readonly hostConfig: HostConfig;
  readonly kept: ContainerKept;
}

/** What a list is to have; all that is left out matches. */
export interface ContainerFilter {
  readonly id?: string;
  readonly podSandboxId?: string;
  readonly state?: number | undefined;
  readonly labels?: Readonly<Record<string, string>>;
}

export class ContainerService {
  readonly #daemon: Daemon;

  constructor(daemon: Daemon) {
    this.#daemon = daemon;
  }

  /** @throws Failure("not-found"); also for one that is not Kubernetes' */
  async find(id: string): Promise<CriContainer> {
    const record = await this.#daemon.live.find(id);
    const kept = keptOf(record);
    if (kept === undefined) throw new Failure("not-found", `No such container: ${id}`);
    return { record, hostConfig: await this.#hostConfigOf(record.ID), kept };
  }

  async #hostConfigOf(id: string): Promise<HostConfig> {
    try {
      return (await this.#daemon.engine.containers.inspect(id)).HostConfig as HostConfig;
    } catch (cause) {
      // It is being removed.
      if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
      throw new Failure("not-found", `No such container: ${id}`, { cause });
    }
  }

  /** Newest first. */
  async matching(filter: ContainerFilter): Promise<CriContainer[]> {
    const { id = "", podSandboxId = "", state, labels = {} } = filter;
    const all = (await this.#daemon.engine.containers.overview({ all: true })).flatMap(
      ({ record, hostConfig }) => {
        const kept = keptOf(record);
        return kept === undefined ? [] : [{ record, hostConfig, kept }];
      },
    );
    return all.filter(
      ({ record, kept }) =>
        record.ID.startsWith(id) &&
        kept.sandboxId.startsWith(podSandboxId) &&
        (state === undefined || stateOf(record) === state) &&
        isSelected(kept.said.labels, labels),
    );
  }

  async create(
    request: Read<typeof protocol.CreateContainerRequest>,
  ): Promise<Write<typeof protocol.CreateContainerResponse>> {
    const pod = this.#daemon.pods.ready(request.podSandboxId);
    const { config } = request;
    const imageName = config?.image?.image ?? "";
    if (config === undefined || imageName === "") {
      throw new Failure("invalid", "create a container: it needs a config with an image");
    }
    const logPath = logPathOf(request.sandboxConfig ?? sandboxSaid(pod), config);
    const image = await this.#daemon.engine.images.resolve(imageName);
    await this.#sharePids(pod, config);
    const options = containerOptions(pod, { sandboxId: pod.id, said: config, logPath });
    const record = await this.#daemon.engine.containers.create({ imageName, image, ...options });
    return { containerId: record.ID };
  }

  /** @throws Failure("invalid") for processes to share that are none of the sandbox', "conflict" for some that have ended */
  async #sharePids(pod: PodRecord, { linux }: ContainerSaid): Promise<void> {
    const { pid, targetId } = { pid: namespaceModes.pod, targetId: "", ...linux?.security?.namespaces };
    if (pid === namespaceModes.pod)
      await this.#daemon.pods.sharePids(pod.id, sandboxSaid(pod).linux?.cgroupParent ?? "");
    if (pid !== namespaceModes.target) return;
    const { record, kept } = await this.find(targetId);
    if (kept.sandboxId !== pod.id)
      throw new Failure("invalid", `container ${record.ID} is not in sandbox ${pod.id}`);
    if (stateOf(record) !== containerStates.running)
      throw new Failure("conflict", `container ${record.ID} is not running`);
  }

  async start(id: string): Promise<void> {
    const { record } = await this.find(id);
    const state = stateOf(record);
    if (state !== containerStates.created)
      throw new Failure("conflict", `container ${record.ID} was started before`);
    await this.#daemon.live.start(record.ID);
  }

  /** One that does not run, and one that there is not, is no failure. @param timeout seconds */
  async stop(id: string, timeout: number): Promise<void> {
    await unlessGone(async () => {
      const { record } = await this.find(id);
      await this.#daemon.live.stop(record.ID, { timeout: Math.max(timeout, 0) });
    });
  }

  async remove(id: string): Promise<void> {
    await unlessGone(async () => {
      const { record } = await this.find(id);
      await this.#daemon.live.remove(record.ID, { force: true, volumes: true });
    });
  }

  async list(
    request: Read<typeof protocol.ListContainersRequest>,
  ): Promise<Write<typeof protocol.ListContainersResponse>> {
    const { filter } = request;
    const found = await this.matching({ ...filter, state: filter?.state?.state });
    return {
      containers: found.map(({ record, kept: { sandboxId, said } }) => ({
        id: record.ID,
        podSandboxId: sandboxId,
        metadata: said.metadata,
        image: said.image,
        imageRef: record.Image,
        imageId: record.Image,
        state: stateOf(record),
        createdAt: nanoseconds(record.Created),
        labels: said.labels,
        annotations: said.annotations,
      })),
    };
  }

  async status(
    request: Read<typeof protocol.ContainerStatusRequest>,
  ): Promise<Write<typeof protocol.ContainerStatusResponse>> {
    const found = await this.find(request.containerId);
    const { Pid } = found.record.State;
    return {
      status: await statusOf(this.#daemon, found),
      ...(request.verbose && {
        info: { info: JSON.stringify({ sandboxID: found.kept.sandboxId, pid: Pid }) },
      }),
    };
  }

  async update(request: Read<typeof protocol.UpdateContainerResourcesRequest>): Promise<void> {
    const { record } = await this.find(request.containerId);
    const { OomScoreAdj: _fixed, ...limits } = resourcesOf(request.linux);
    await this.#daemon.live.update(record.ID, limits);
  }

  /** Whoever writes it notices that the old file was moved; the new one has to be there at once. */
  async reopenLog(id: string): Promise<void> {
    const { record, kept } = await this.find(id);
    if (!record.State.Running) throw new Failure("conflict", `container ${record.ID} is not running`);
    if (kept.logPath !== "") createLog(kept.logPath);
  }
}

/** @throws Failure("conflict") for what is there and is no file */
function createLog(path: string): void {
  try {
    // Opening a FIFO must not wait for whoever reads it.
    closeSync(openSync(path, O_APPEND | O_CREAT | O_NONBLOCK | O_WRONLY, 0o640));
  } catch (cause) {
    throw new Failure("conflict", `make the log ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Whoever has taken it away meanwhile has done what was to be done. */
async function unlessGone(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isFailure(error, "not-found")) throw error;
  }
}
