/** Whether this process is root of the machine or only of a user namespace (user_namespaces(7)). */
import { readFileSync } from "node:fs";
import type { ApplyTarget } from "../layer/index.ts";

let known: boolean | undefined;

/** The first user namespace maps all IDs onto themselves; every other one is a child of it. Does not change. */
export function inUserNamespace(): boolean {
  return (known ??= look());
}

function look(): boolean {
  try {
    return !/^\s*0\s+0\s+4294967295\s*$/.test(readFileSync("/proc/self/uid_map", "latin1"));
  } catch {
    // No /proc, or another system: then there is none.
    return false;
  }
}

/** Only root of the machine may make devices and give files to anyone. */
export function ownershipHere(): ApplyTarget["ownership"] {
  return process.geteuid?.() === 0 && !inUserNamespace() ? "exact" : "best-effort";
}
