/** `--cidfile`: where a script finds the ID of the container that it made. */
import { existsSync, writeFileSync } from "node:fs";
import { Failure } from "../../errors.ts";

/** Before anything is made. Throws `Failure("conflict")` in Docker's words for a file that is there. */
export function checkCidfile(path: string | undefined): void {
  if (path === undefined || !existsSync(path)) return;
  throw new Failure(
    "conflict",
    "container ID file found, make sure the other container isn't running or delete " + path,
  );
}

export function writeCidfile(path: string | undefined, id: string): void {
  if (path !== undefined) writeFileSync(path, id, { mode: 0o644, flag: "wx" });
}
