/** What this process may do to owners and devices. */
import type { ApplyTarget } from "../layer/index.ts";
import { userNamespace } from "../sys/index.ts";

/** Whether this process is root of the machine or only of a user namespace (user_namespaces(7)). */
export function inUserNamespace(): boolean {
  return userNamespace() !== undefined;
}

/** Only root of the machine may make devices and give files to anyone. */
export function ownershipHere(): ApplyTarget["ownership"] {
  return process.geteuid?.() === 0 && !inUserNamespace() ? "exact" : "best-effort";
}
