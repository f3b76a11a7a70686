/** What a program finds out and sets right when it begins again in a namespace ({@link enterNamespace}). */
import { randomBytes } from "node:crypto";
import { fromText } from "../../byte_string.ts";
import * as sys from "../../sys/index.ts";
import { mountsOf, writeNamespaceRecord } from "./member.ts";
import { makeRunDirectory } from "./run_directory.ts";

/** What the program hands to itself, as JSON. */
export interface Passage {
  /** The data root, found before the user had become root. */
  readonly root: string;
  /** `nsenter` loses it. */
  readonly cwd: string;
  /** Descriptors that have done their work. */
  readonly files: readonly number[];
  /** A locked file; the namespace is new, and nobody else comes in before this is closed. */
  readonly lock?: number;
}

export const passageVariable = "VARVE_NAMESPACE";

export interface Arrival {
  readonly root: string;
}

/**
 * To be called before anything else; says where the program has arrived, once. Undefined: nowhere, it has just begun.
 * @throws SysError where a new namespace cannot be furnished
 */
export function arriveInNamespace(): Arrival | undefined {
  const text = process.env[passageVariable];
  if (text === undefined) return undefined;
  delete process.env[passageVariable];
  const passage = passageOf(text);
  if (passage === undefined) return undefined;
  const { root, cwd, files, lock } = passage;
  for (const fd of files) sys.close(fd);
  if (lock !== undefined) {
    furnish(root);
    sys.close(lock);
  }
  try {
    process.chdir(cwd);
  } catch {
    // It has been removed; who needs it will say so.
  }
  return { root };
}

/** Undefined: somebody else has set the variable, to something of his own. */
function passageOf(text: string): Passage | undefined {
  try {
    const passage = JSON.parse(text) as Passage;
    return typeof passage.root === "string" && Array.isArray(passage.files) ? passage : undefined;
  } catch {
    return undefined;
  }
}

function furnish(root: string): void {
  const mark = `varve-${randomBytes(8).toString("hex")}`;
  makeRunDirectory(fromText(mark));
  writeNamespaceRecord(root, { pid: process.pid, mounts: mountsOf("/proc/self/ns/mnt") ?? "", mark });
}
