/**
 * A FUSE server as a program of its own, for the tests:
 * `node serve_fixture.ts <tree> <fd | mount point> <ownership> <device> <tar>...`, where `<tree>` is a file that holds
 * a serialized root. Says its process ID when it is ready.
 */
import { readFileSync, writeSync } from "node:fs";
import { deserialize } from "node:v8";
import type { DirectoryNode } from "../union/index.ts";
import { mountFuse, type Ownership, serveTree } from "./index.ts";

const [tree, where, ownership, device, ...sources] = process.argv.slice(2) as [
  string,
  string,
  Ownership,
  string,
];
const root = deserialize(readFileSync(tree)) as DirectoryNode;
const fuse = /^\d+$/.test(where) ? Number(where) : mountFuse(where, { allowOther: true, device });
writeSync(1, `${process.pid}\n`);
serveTree({ fuse, root, sources, ownership });
writeSync(1, "unmounted\n");
