/**
 * An ordinary user may mount in a user namespace of his own (user_namespaces(7)). All his processes that work on one
 * data root share one: two of them that saw different mounts would put two file systems over one writable layer.
 *
 * The program replaces itself: util-linux's `unshare` makes the namespace, or `nsenter` goes into the one that is there,
 * and either becomes this program again. Process ID, streams, terminal and signals stay what they were.
 */
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fromText } from "../../byte_string.ts";
import type { DriverName } from "../../driver/index.ts";
import { isFailure } from "../../errors.ts";
import { heldDriver } from "../../store/index.ts";
import * as sys from "../../sys/index.ts";
import { passageVariable, type Passage } from "./arrive.ts";
import {
  findMember,
  openNamespaceOf,
  readNamespaceRecord,
  writeNamespaceRecord,
  type OpenNamespace,
} from "./member.ts";
import { canOverlay, findProgram, namespaceFlags } from "./unshare.ts";

export interface EnterOptions {
  /** The data root. */
  readonly root: string;
  /** Chosen by the user; default: what the root holds. */
  readonly driver?: DriverName;
  /** Also where the root is kept by vfs (default false). */
  readonly mounts?: boolean;
}

/**
 * Goes into the namespace of the data root where this user and the root's driver need one: then this call does not
 * return, and the program begins anew. Must come before anything is read from standard input. Returns for root, for the
 * driver vfs, which never mounts, and where no namespace can be had for erofs, which mounts for containers only, and for
 * an empty root, which vfs will then keep.
 *
 * @throws {Failure} `unsupported` where the root needs a namespace and none can be had
 */
export async function enterNamespace({ root, driver, mounts = false }: EnterOptions): Promise<void> {
  if (process.platform !== "linux" || process.geteuid?.() === 0) return;
  const kind = driver ?? heldDriver(root);
  if ((kind === "vfs" && !mounts) || !makeRoot(root)) return;
  const opened = openRegistered(root);
  if (opened !== undefined) return joinIt(root, opened);
  const lock = await takeLock(root);
  const late = openRegistered(root) ?? openAnother(root);
  if (late !== undefined) {
    sys.close(lock);
    return joinIt(root, late);
  }
  if (kind === undefined && !canOverlay(root)) return sys.close(lock);
  const flags = flagsOrNone(kind);
  if (flags === undefined) return sys.close(lock);
  // Held until the new namespace is registered.
  sys.keepOnExec(lock);
  becomeBy("unshare", flags, { root, cwd: process.cwd(), files: [], lock });
}

/** Undefined where none can be had and the root can do without: all but containers works on layers that are tars. */
function flagsOrNone(kind: DriverName | undefined): readonly string[] | undefined {
  try {
    return namespaceFlags();
  } catch (error) {
    if (kind === "erofs" && isFailure(error, "unsupported")) return undefined;
    throw error;
  }
}

/** False: the store will find out and say why. */
function makeRoot(root: string): boolean {
  try {
    mkdirSync(dirname(root), { recursive: true });
    for (const [path, mode] of [
      [root, 0o710],
      [join(root, "varve"), 0o700],
    ] as const)
      mkdirSync(path, { recursive: true, mode });
    return true;
  } catch {
    return false;
  }
}

function openRegistered(root: string): OpenNamespace | undefined {
  const record = readNamespaceRecord(root);
  return record && openNamespaceOf(record.pid, record);
}

/** The registered member has ended, but others may live: containers' shims, servers of file systems, commands. */
function openAnother(root: string): OpenNamespace | undefined {
  const record = readNamespaceRecord(root);
  const member = record && findMember(record);
  if (member !== undefined) writeNamespaceRecord(root, { ...record!, pid: member.pid });
  return member?.opened;
}

function joinIt(root: string, { user, mounts }: OpenNamespace): void {
  const files = [user, mounts];
  for (const fd of files) sys.keepOnExec(fd);
  const flags = [`--user=/proc/self/fd/${user}`, `--mount=/proc/self/fd/${mounts}`, "--preserve-credentials"];
  becomeBy("nsenter", flags, { root, cwd: process.cwd(), files });
}

/** Milliseconds between looks at a lock that another process holds while it makes the namespace. */
const pause = 10;

async function takeLock(root: string): Promise<number> {
  const path = fromText(join(root, "varve", "namespace.lock"));
  const fd = sys.openAt(sys.AT_FDCWD, path, sys.O_RDWR | sys.O_CREAT, 0o600);
  while (!sys.flock(fd, "exclusive")) await delay(pause);
  return fd;
}

/** Replaces this process by `name` of util-linux, which ends by running this program again. */
function becomeBy(name: string, flags: readonly string[], passage: Passage): void {
  const program = findProgram(name);
  for (const fd of activatedDescriptors()) sys.keepOnExec(fd);
  const again = [process.execPath, ...process.execArgv, "--", ...process.argv.slice(1)];
  process.execve?.(program, [name, ...flags, "--", ...again], {
    ...process.env,
    // Where it is not set the account's is taken, and in the namespace that is root's.
    HOME: process.env["HOME"] ?? homedir(),
    [passageVariable]: JSON.stringify(passage),
  });
}

/** Sockets that systemd has opened for this process (sd_listen_fds(3)): Node closes them at an execve. */
function activatedDescriptors(): number[] {
  const { LISTEN_PID, LISTEN_FDS } = process.env;
  const count = LISTEN_PID === String(process.pid) ? Number(LISTEN_FDS) : 0;
  return Array.from({ length: Math.min(count || 0, 64) }, (_, index) => 3 + index);
}
