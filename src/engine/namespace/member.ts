/**
 * The one namespace of a data root: `ROOT/varve/namespace` says which it is, and a process in it that lives. The
 * kernel keeps a namespace as long as a process is in it; which one that is changes, so the file is a hint. Numbers of
 * namespaces and processes are used again: what proves that a process is a member is the name of the file system that
 * every namespace of ours has on /run.
 */
import { readdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import * as sys from "../../sys/index.ts";

export interface NamespaceRecord {
  /** A member. */
  readonly pid: number;
  /** What /proc/PID/ns/mnt leads to: `mnt:[4026532448]`. */
  readonly mounts: string;
  /** `varve-<hex>`: source of the file system on /run. */
  readonly mark: string;
}

/** Open files that hold the namespaces, whatever becomes of the process that they were found by. */
export interface OpenNamespace extends Disposable {
  readonly user: number;
  readonly mounts: number;
}

const recordPath = (root: string): string => join(root, "varve", "namespace");

export function writeNamespaceRecord(root: string, record: NamespaceRecord): void {
  const beside = `${recordPath(root)}.${process.pid}`;
  // Not flushed: after a crash of the machine no namespace is left that it could lead to.
  writeFileSync(beside, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(beside, recordPath(root));
}

/** Undefined: there is none, or none that can be understood. */
export function readNamespaceRecord(root: string): NamespaceRecord | undefined {
  try {
    const { pid, mounts, mark } = JSON.parse(readFileSync(recordPath(root), "utf8")) as NamespaceRecord;
    const whole = Number.isSafeInteger(pid) && typeof mounts === "string" && /^varve-\w+$/.test(mark);
    return whole ? { pid, mounts, mark } : undefined;
  } catch {
    return undefined;
  }
}

/** The namespace of a process, if it is the recorded one. */
export function openNamespaceOf(pid: number, record: NamespaceRecord): OpenNamespace | undefined {
  // Cheap and almost always the answer, when all processes are looked at.
  if (mountsOf(`/proc/${pid}/ns/mnt`) !== record.mounts) return undefined;
  const files = new DisposableStack();
  try {
    const open = (name: string): number => {
      const fd = sys.openAt(sys.AT_FDCWD, `/proc/${pid}/ns/${name}`, sys.O_RDONLY);
      files.defer(() => sys.close(fd));
      return fd;
    };
    const [user, mounts] = [open("user"), open("mnt")];
    // The process may have ended, and another one have its number: what counts is what was opened.
    if (mountsOf(`/proc/self/fd/${mounts}`) !== record.mounts || !isMarked(pid, record.mark)) {
      files.dispose();
      return undefined;
    }
    return { user, mounts, [Symbol.dispose]: () => files.dispose() };
  } catch (error) {
    files.dispose();
    if (sys.isSysError(error)) return undefined;
    throw error;
  }
}

/** Any living member, by looking at every process that this user may look at. */
export function findMember(
  record: NamespaceRecord,
): { readonly pid: number; readonly opened: OpenNamespace } | undefined {
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const opened = Number.isInteger(pid) ? openNamespaceOf(pid, record) : undefined;
    if (opened !== undefined) return { pid, opened };
  }
  return undefined;
}

/** What a link to a mount namespace says; undefined where it cannot be read. */
export function mountsOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}

function isMarked(pid: number, mark: string): boolean {
  try {
    const text = readFileSync(`/proc/${pid}/mountinfo`, "latin1");
    return sys.parseMountInfo(text).some(({ source }) => source === fromText(mark));
  } catch {
    return false;
  }
}
