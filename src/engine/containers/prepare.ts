/** From a record to what the runtime is given: mounted root filesystem, files of `/etc`, spec. */
import type { MountedRoot } from "../../driver/index.ts";
import { findRuntime, type OciSpec, type RuntimePrograms } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import type { EtcNetwork } from "../live/types.ts";
import { knowsRecursiveReadOnly } from "../system/recursive_read_only.ts";
import { populateVolumes } from "../volumes/populate_volume.ts";
import { beginRunMounts, endRunMounts } from "../volumes/run_mounts.ts";
import { writeEtcFiles } from "./etc_files.ts";
import { initProgram } from "./init_program.ts";
import { joinedNamespaces } from "./joined_namespaces.ts";
import type { ContainerRecord, HostConfig, MountPoint } from "./record.ts";
import { runtimeNamed } from "./runtimes.ts";
import { specOf } from "./spec.ts";

export interface PreparedRun {
  readonly programs: RuntimePrograms;
  readonly spec: OciSpec;
  /** To be let go of when the run is over. */
  readonly rootfs: MountedRoot;
  /** What of the container's is mounted. */
  readonly points: readonly MountPoint[];
}

export interface PrepareOptions {
  /** File of the network namespace; undefined: a new one, or the host's. */
  readonly networkNamespace?: string | undefined;
  /** What networks add to the files of /etc; undefined: nothing, or not yet. */
  readonly etc?: EtcNetwork | undefined;
  readonly warn?: ((text: string) => void) | undefined;
}

/**
 * For whoever supervises the container, who ends its mounts (`endRunMounts`) when the run is over. Leaves nothing when
 * it fails.
 */
export async function prepareRun(
  store: Store,
  record: ContainerRecord,
  hostConfig: HostConfig,
  { networkNamespace, etc, warn }: PrepareOptions = {},
): Promise<PreparedRun> {
  const runtime = runtimeNamed(store.root, hostConfig.Runtime ?? "");
  const programs = await findRuntime(runtime === undefined ? {} : { runtime });
  await using mount = new AsyncDisposableStack();
  // What goes when it ends needs no flush of the whole file system before.
  const volatile = hostConfig.AutoRemove;
  const rootfs = mount.use(await store.containers.mount(record.ID, { volatile }));
  const joined = await joinedNamespaces(store, hostConfig, record.ID);
  const { networkOf } = joined;
  const files =
    networkOf === undefined
      ? await writeEtcFiles(store, record, hostConfig, etc)
      : {
          hostname: networkOf.HostnamePath,
          hosts: networkOf.HostsPath,
          resolvConf: networkOf.ResolvConfPath,
        };
  // What a kill has left undone when it was made.
  await populateVolumes(store, record);
  const { points, tmpfs, sharedMemory } = await beginRunMounts(store, record, hostConfig);
  mount.defer(() => endRunMounts(store, record));
  // Among other processes it is not the first one, and has nothing to reap (moby, daemon/oci_linux.go).
  const isFirst = ["", "private"].includes(hostConfig.PidMode ?? "");
  const init = hostConfig.Init === true && isFirst ? await initProgram(store.root) : undefined;
  const hasReadOnly = Object.values(points).some(({ RW }) => !RW);
  const recursiveReadOnly = hasReadOnly && (await knowsRecursiveReadOnly(programs.runtime));
  const place = {
    rootfs: rootfs.path,
    files,
    warn,
    networkNamespace,
    joined,
    sharedMemory,
    init,
    recursiveReadOnly,
  };
  const mounted = { ...withHostname(record, networkOf), MountPoints: points };
  const spec = specOf(mounted, { ...hostConfig, Tmpfs: tmpfs }, place);
  mount.move();
  return { programs, spec, rootfs, points: Object.values(points) };
}

/** Who shares a network shares the name under which it is known there. */
function withHostname(record: ContainerRecord, networkOf: ContainerRecord | undefined): ContainerRecord {
  if (networkOf === undefined) return record;
  const { Hostname = "", Domainname = "" } = networkOf.Config;
  return { ...record, Config: { ...record.Config, Hostname, Domainname } };
}
