/** Who a root's engine is to those that ask several (`info`). */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../store/index.ts";

/** Where dockerd keeps it, too (moby, daemon/id.go); made when it is first asked for. */
export async function engineId(root: string): Promise<string> {
  const path = join(root, "engine-id");
  const known = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  if (known !== "") return known;
  const id = randomUUID();
  await writeAtomically(path, id, 0o644);
  return id;
}
