/**
 * The first process of the PID namespace that a pod's containers share. A namespace of this kind ends with its first process,
 * so unlike the others a file cannot hold it. It runs without a shim, confined to a directory with nothing but itself, with no
 * right to anything: containers that may trace processes see it.
 */
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, posix } from "node:path";
import {
  containerSpec,
  detachedProcess,
  findRuntimeProgram,
  heldCapabilities,
  idleProgram,
  removeLeftovers,
  runDetached,
  type OciSpec,
} from "../../runtime/index.ts";
import { MS_BIND, mount, removeNetworkNamespace, userNamespace } from "../../sys/index.ts";
import { isMountPoint } from "./is_mount_point.ts";

/** The file with the namespace. */
export const pidNamespaceIn = (folder: string): string => join(folder, "pid");

const bundleIn = (folder: string): string => join(folder, "init");
const rootIn = (folder: string): string => join(bundleIn(folder), "root");

/**
 * Afterwards `pidNamespaceIn(folder)` is there; it outlives this process. One call at a time.
 * @param cgroupParent as `HostConfig.CgroupParent`
 * @throws Failure of the runtime, SysError; nothing is left then
 */
export async function makePodInit(folder: string, id: string, cgroupParent: string): Promise<void> {
  // What a kill has left of an earlier one.
  await removePodInit(folder);
  const root = rootIn(folder);
  mkdirSync(root, { recursive: true, mode: 0o755 });
  const program = join(root, "init");
  writeFileSync(program, idleProgram(), { flag: "wx" });
  chmodSync(program, 0o555);
  const place = { runtime: await findRuntimeProgram(), bundle: bundleIn(folder), id };
  try {
    await runDetached(place, specOf(root, id, cgroupParent));
    holdNamespace(folder);
  } catch (error) {
    await removePodInit(folder);
    throw error;
  }
}

function specOf(rootfs: string, id: string, cgroupParent: string): OciSpec {
  return containerSpec({
    id,
    rootfs,
    image: {},
    command: ["/init"],
    // A user's namespace may have root alone.
    user: userNamespace() === undefined ? "65534:65534" : "0:0",
    readOnly: true,
    // Of no use to it, and with those of the pod it would set their sysctls.
    network: "private",
    capDrop: ["ALL"],
    noNewPrivileges: true,
    // As little a victim as may be (containerd, `defaultSandboxOOMAdj`).
    ...(mayRaisePriority() && { limits: { oomScoreAdj: -998 } }),
    ...(cgroupParent !== "" && { cgroupParent: posix.join("/", cgroupParent) }),
  });
}

const mayRaisePriority = (): boolean => heldCapabilities().includes("CAP_SYS_RESOURCE");

/** In one go: whoever looks sees none of it or all. @throws SysError where the process has ended already */
function holdNamespace(folder: string): void {
  const path = pidNamespaceIn(folder);
  closeSync(openSync(path, "wx", 0o444));
  mount(`/proc/${detachedProcess(bundleIn(folder))}/ns/pid`, path, "", MS_BIND);
}

/** Ends all that runs in the namespace. What is not there is no error. @throws Failure where the runtime is gone, SysError */
export async function removePodInit(folder: string): Promise<void> {
  const bundle = bundleIn(folder);
  const id = posix.basename(folder);
  if (statSync(bundle, { throwIfNoEntry: false }) !== undefined)
    await removeLeftovers({ runtime: await findRuntimeProgram(), bundle, id });
  removeNetworkNamespace(pidNamespaceIn(folder));
  rmSync(bundle, { recursive: true, force: true });
}

/** `lost`: its first process has ended, and with it all others; no process can be begun in it. */
export function podInitState(folder: string): "none" | "runs" | "lost" {
  const path = pidNamespaceIn(folder);
  if (!isMountPoint(path)) return "none";
  const { ino } = statSync(path);
  const pid = detachedProcess(bundleIn(folder));
  return pid !== undefined && namespaceOf(pid) === ino && !isZombie(pid) ? "runs" : "lost";
}

/** Whether a kill has left something that nobody can use. */
export function isPodInitHalfMade(folder: string): boolean {
  return (
    podInitState(folder) === "none" && statSync(bundleIn(folder), { throwIfNoEntry: false }) !== undefined
  );
}

/** Another process may have the number by now, but not the namespace. */
function namespaceOf(pid: number): number | undefined {
  try {
    return statSync(`/proc/${pid}/ns/pid`).ino;
  } catch {
    return undefined;
  }
}

/** The state follows the name in brackets, which can have any characters (proc_pid_stat(5)). */
function isZombie(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return true;
  }
}
