/** `container:<name>`, and our `pod:<id>`: the namespaces of another container, or of a pod, that one is to share. */
import { Failure } from "../../errors.ts";
import type { NamespaceChoice } from "../../runtime/index.ts";
import type { Store } from "../../store/index.ts";
import { podOfMode, podPidNamespace, readyPod } from "../pods/pod_record.ts";
import { sharedMemoryFolder } from "../volumes/run_mounts_folder.ts";
import { findRecord, readHostConfig, type ContainerRecord, type HostConfig } from "./record.ts";
import { isAlive } from "./state.ts";

export interface JoinedNamespaces {
  readonly pid?: NamespaceChoice;
  readonly ipc?: NamespaceChoice;
  /** What comes with it as /dev/shm. */
  readonly sharedMemory?: string;
  readonly network?: NamespaceChoice;
  /** The container whose network it is, in the end: its name for itself and its files of `/etc` come along. */
  readonly networkOf?: ContainerRecord;
}

/** The container that a mode names; undefined: it names none. */
export function joinedContainer(mode: string | undefined): string | undefined {
  return /^container:(.+)$/.exec(mode ?? "")?.[1];
}

/**
 * The modes with IDs in the place of names, so that they hold when the other container is renamed (moby,
 * daemon/daemon_unix.go, `adaptSharedNamespaceContainer`). One that is not there stays as it is named.
 */
export async function modesById(
  root: string,
  { NetworkMode, IpcMode, PidMode }: Partial<HostConfig>,
): Promise<Partial<HostConfig>> {
  const modes = Object.entries({ NetworkMode, IpcMode, PidMode });
  const known = modes.map(async ([key, mode]) => {
    const named = joinedContainer(mode);
    if (named === undefined) return [];
    const found = await findRecord(root, named).catch(() => undefined);
    return found === undefined ? [] : [[key, `container:${found.ID}`]];
  });
  return Object.fromEntries((await Promise.all(known)).flat()) as Partial<HostConfig>;
}

/**
 * @param own the container's ID, where one is to run
 * @throws Failure in Docker's words for a container that is not there, does not run, or is the same
 */
export async function joinedNamespaces(
  store: Store,
  hostConfig: HostConfig,
  own?: string,
): Promise<JoinedNamespaces> {
  const find = (text: string): Promise<ContainerRecord> => findRecord(store.root, text);
  const [net, ipc, pid] = [hostConfig.NetworkMode, hostConfig.IpcMode, hostConfig.PidMode].map(
    joinedContainer,
  );
  const joined: { -readonly [Key in keyof JoinedNamespaces]: JoinedNamespaces[Key] } = {};
  const [netPod, ipcPod, pidPod] = [hostConfig.NetworkMode, hostConfig.IpcMode, hostConfig.PidMode].map(
    podOfMode,
  );
  if (netPod !== undefined) joined.network = { path: readyPod(store.root, netPod).networkNamespace };
  if (ipcPod !== undefined) joined.ipc = { path: readyPod(store.root, ipcPod).ipcNamespace };
  if (pidPod !== undefined) joined.pid = { path: podPidNamespace(store.root, pidPod) };
  if (ipc !== undefined) {
    const text = (id: string): string => `can't join IPC of container ${id}: container ${id} is not running`;
    const donor = await running(find(ipc), text);
    joined.ipc = { path: `/proc/${donor.State.Pid}/ns/ipc` };
    joined.sharedMemory = await sharedMemoryOf(store, donor);
  }
  if (pid !== undefined) {
    const { State } = await running(find(pid), (id) => `container ${id} is not running`);
    joined.pid = { path: `/proc/${State.Pid}/ns/pid` };
  }
  if (net !== undefined) {
    const text = (id: string): string => `cannot join network of a non running container: ${id}`;
    if ((await find(net)).ID === own) throw new Failure("internal", "cannot join own network");
    const other = await running(find(net), text);
    joined.networkOf = await networkOwner(store, other);
    joined.network = { path: `/proc/${other.State.Pid}/ns/net` };
  }
  return joined;
}

/** One that has joined another's network has no files of `/etc` of its own. */
async function networkOwner(store: Store, record: ContainerRecord): Promise<ContainerRecord> {
  const next = joinedContainer(readHostConfig(store.root, record.ID).NetworkMode);
  return next === undefined ? record : networkOwner(store, await findRecord(store.root, next));
}

async function running(
  found: Promise<ContainerRecord>,
  text: (id: string) => string,
): Promise<ContainerRecord> {
  const record = await found;
  if (isAlive(record)) return record;
  throw new Failure("conflict", text(record.ID));
}

/** What others may have as theirs (moby, daemon/container_operations_unix.go, `getIPCContainer`). */
async function sharedMemoryOf(store: Store, { ID }: ContainerRecord): Promise<string> {
  const { IpcMode = "" } = readHostConfig(store.root, ID);
  if (IpcMode === "host") return "/dev/shm";
  if (IpcMode === "shareable") return sharedMemoryFolder(store, ID);
  const donor = joinedContainer(IpcMode);
  if (donor !== undefined) return sharedMemoryOf(store, await findRecord(store.root, donor));
  throw new Failure(
    "conflict",
    `can't join IPC of container ${ID}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}
