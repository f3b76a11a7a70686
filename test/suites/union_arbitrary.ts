/** Random small trees and operations on them, of few names, so that operations meet what others have made. */
import * as fc from "fast-check";
import type { Operation } from "./union_machines.ts";
import type { Item, Tree } from "./union_trees.ts";

const name = fc.constantFrom("a", "b", "c", "d");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const text = fc.constantFrom("", "x", "hello", "longer than the others\n");
const mode = fc.constantFrom(0o644, 0o600, 0o755, 0o2775, 0o4755, 0o1777);
const owner = fc.constantFrom(0, 1, 1000);
const flag = fc.boolean();

const flags = fc.record(
  {
    write: flag,
    append: flag,
    create: flag,
    exclusive: flag,
    truncate: flag,
    directory: flag,
    noFollow: flag,
  },
  { requiredKeys: [] },
);

/** One operation; most of them fail. */
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  // O_CREAT with O_DIRECTORY is EINVAL on new kernels, and makes a file on old ones.
  fc
    .record({ op: fc.constant("open" as const), path, flags, mode })
    .filter(({ flags }) => !(flags.create === true && flags.directory === true)),
  fc.record({ op: fc.constantFrom("write" as const, "append" as const), path, text }),
  fc.record({ op: fc.constant("truncate" as const), path, size: fc.nat(9) }),
  fc.record({ op: fc.constantFrom("chmod" as const, "mkdir" as const), path, mode }),
  fc.record({ op: fc.constantFrom("chown" as const, "lchown" as const), path, uid: owner, gid: owner }),
  fc.record({ op: fc.constant("utimes" as const), path, mtime: fc.constantFrom(1, 1_200_000_000) }),
  fc.record({
    op: fc.constant("setxattr" as const),
    path,
    name: fc.constantFrom("user.a", "trusted.b"),
    value: text,
  }),
  fc.record({ op: fc.constant("removexattr" as const), path, name: fc.constantFrom("user.a", "user.b") }),
  fc.record({ op: fc.constantFrom("link" as const, "rename" as const), path, to: path }),
  fc.record({ op: fc.constant("rename" as const), path: name, to: path }),
  fc.record({ op: fc.constant("rename" as const), path, to: path }),
  fc.record({
    op: fc.constant("symlink" as const),
    path,
    target: fc.constantFrom("a", "b/c", "nowhere", "d"),
  }),
  fc.record({
    op: fc.constant("mknod" as const),
    path,
    kind: fc.constantFrom("fifo" as const, "char" as const),
  }),
  fc.record({ op: fc.constantFrom("unlink" as const, "rmdir" as const), path }),
  fc.record({ op: fc.constantFrom("unlink" as const, "rmdir" as const), path }),
  fc.record({ op: fc.constantFrom("read" as const, "readdir" as const, "stat" as const), path }),
  fc.record({ op: fc.constant("commit" as const), path: fc.constant("") }),
);

const item: fc.Arbitrary<string | Item> = fc.oneof(
  { weight: 4, arbitrary: text },
  { weight: 5, arbitrary: fc.constant<Item>({}) },
  fc.record({ mode, uid: owner, gid: owner }),
  fc.record({ content: text, mode, uid: owner, xattrs: fc.constantFrom({}, { "user.b": "1" }) }),
  fc.record({ symlink: fc.constantFrom("a", "b", "c/d", "nowhere") }),
  fc.constant<Item>({ fifo: true }),
);

/** A tree in which every child has a directory above it; now and then a file has a second name. */
export const tree: fc.Arbitrary<Tree> = fc
  .tuple(fc.uniqueArray(fc.tuple(path, item), { selector: ([at]) => at, maxLength: 8 }), fc.boolean())
  .map(([items, linked]) => {
    const result: Record<string, string | Item> = {};
    const sorted = items.sort(([a], [b]) => a.split("/").length - b.split("/").length || (a < b ? -1 : 1));
    for (const [at, what] of sorted) {
      const parents = at
        .split("/")
        .slice(0, -1)
        .map((_, i, all) => all.slice(0, i + 1).join("/"));
      const fits = parents.every((parent) => result[parent] === undefined || isDirectory(result[parent]));
      if (!fits) continue;
      for (const parent of parents) result[parent] ??= {};
      result[at] = what;
    }
    const file = Object.keys(result).find((at) => typeof result[at] === "string");
    if (linked && file !== undefined && result["l"] === undefined) result["l"] = { link: file };
    return result;
  });

function isDirectory(what: string | Item): boolean {
  if (typeof what === "string") return false;
  return what.content === undefined && what.symlink === undefined && what.fifo === undefined;
}
