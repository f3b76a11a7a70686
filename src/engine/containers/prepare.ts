/** From a record to what the runtime is given: mounted root filesystem, files of `/etc`, spec. */
import type { MountedRoot } from "../../driver/index.ts";
import { findRuntime, type OciSpec, type RuntimePrograms } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import type { RunNetwork } from "../live/types.ts";
import { makeBindSources } from "./bind_sources.ts";
import { writeEtcFiles } from "./etc_files.ts";
import type { ContainerRecord, HostConfig } from "./record.ts";
import { specOf } from "./spec.ts";

export interface PreparedRun {
  readonly programs: RuntimePrograms;
  readonly spec: OciSpec;
  /** To be let go of when the run is over. */
  readonly rootfs: MountedRoot;
}

export interface PrepareOptions {
  /** Undefined: none, or the host's. */
  readonly network?: RunNetwork;
  readonly warn?: ((text: string) => void) | undefined;
}

/** For whoever supervises the container. Leaves nothing when it fails. */
export async function prepareRun(
  store: Store,
  record: ContainerRecord,
  hostConfig: HostConfig,
  { network, warn }: PrepareOptions = {},
): Promise<PreparedRun> {
  const programs = await findRuntime();
  await using mount = new AsyncDisposableStack();
  const rootfs = mount.use(await store.containers.mount(record.ID));
  const files = await writeEtcFiles(store, record, hostConfig, network);
  await makeBindSources(record);
  const place = { rootfs: rootfs.path, files, warn, networkNamespace: network?.namespace };
  const spec = specOf(record, hostConfig, place);
  mount.move();
  return { programs, spec, rootfs };
}
