/** A container that is left to itself: no shim, since nobody wants its output or its exit code. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { goJson } from "../oci/index.ts";
import type { OciSpec } from "./oci_spec.ts";
import { ended, pidFile, removeLeftovers, spawnRun, startFailure, type RunOncePlace } from "./run_once.ts";

/**
 * Resolves when it runs; it outlives this process. {@link removeLeftovers} ends it, whatever a kill has left of it.
 * @throws {Failure} in Docker's words when it cannot be started; nothing of it lives then
 */
export async function runDetached(place: RunOncePlace, spec: OciSpec): Promise<void> {
  const { bundle } = place;
  await writeFile(join(bundle, "config.json"), goJson(spec), { mode: 0o600 });
  const child = spawnRun(place, ["--detach"], { stdio: ["ignore", "ignore", "ignore"], detached: true });
  const end = await ended(child);
  if (end.code === 0) return;
  await removeLeftovers(place);
  throw startFailure(place, end, "");
}

/** @returns the number of the process that {@link runDetached} has begun in a bundle; undefined: none that is known */
export function detachedProcess(bundle: string): number | undefined {
  try {
    return Number(readFileSync(pidFile(bundle), "utf8")) || undefined;
  } catch {
    return undefined;
  }
}
