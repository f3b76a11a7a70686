/** A branch, all of it. */
import type { ByteString } from "../byte_string.ts";
import { childOf } from "./path.ts";
import type { Branch, NodeStat } from "./types.ts";

/** Every path of a branch with what is there, depth first, names by their bytes; the root is left out. */
export function* walkBranch(
  branch: Pick<Branch, "stat" | "list">,
  path: ByteString = "",
): Generator<[path: ByteString, stat: NodeStat], void, undefined> {
  const names = branch.list(path).map(({ name }) => name);
  for (const name of names.sort()) {
    const child = childOf(path, name);
    const stat = branch.stat(child);
    if (stat === undefined) continue;
    yield [child, stat];
    if (stat.kind === "directory") yield* walkBranch(branch, child);
  }
}
