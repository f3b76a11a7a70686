/** The direction of imports, as a test: ARCHITECTURE.md, "Folders and the direction of imports". */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

const source = import.meta.dirname;

const mayImport: Record<string, readonly string[]> = {
  oci: [],
  wire: [],
  sys: [],
  dockerfile: [],
  bytes: ["oci"],
  network: ["sys"],
  web: ["wire"],
  rpc: ["bytes"],
  tar: ["bytes", "oci"],
  union: ["oci", "sys"],
  runtime: ["oci", "bytes", "sys"],
  layer: ["oci", "bytes", "tar", "sys", "union"],
  explore: ["oci", "bytes", "tar", "union"],
  erofs: ["union"],
  fuse: ["sys", "union"],
  driver: ["oci", "bytes", "sys", "union", "layer", "erofs", "fuse"],
  store: ["oci", "bytes", "tar", "sys", "layer", "driver"],
  remote: ["oci", "wire", "bytes"],
  archive: ["oci", "bytes", "tar"],
  image: ["oci", "bytes", "tar", "union", "layer", "store", "remote"],
  registry: ["oci", "wire", "bytes", "sys", "remote"],
  build: ["oci", "bytes", "tar", "union", "sys", "dockerfile", "layer", "driver", "store", "image"],
};
const lower = Object.keys(mayImport);
mayImport["engine"] = lower.filter((folder) => !["registry", "web", "rpc"].includes(folder));
mayImport["buildkit"] = ["oci", "wire", "bytes", "tar", "rpc", "dockerfile", "build", "engine"];
mayImport["api"] = ["oci", "wire", "bytes", "tar", "rpc", "engine", "explore", "buildkit"];
mayImport["cri"] = ["oci", "wire", "bytes", "rpc", "engine", "api"];
mayImport["cli"] = ["oci", "wire", "bytes", "dockerfile", "engine", "explore"];
mayImport["bin"] = Object.keys(mayImport);

const rootFiles = new Set(["errors.ts", "byte_string.ts"]);

/** [importing file, imported file], both relative to src/, product code only. */
function* imports(): Generator<[string, string]> {
  for (const file of globSync("**/*.ts", { cwd: source })) {
    if (file.endsWith(".test.ts")) continue;
    const text = readFileSync(join(source, file), "utf8");
    for (const [, target] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
      yield [file, relative(source, join(source, dirname(file), target as string))];
    }
  }
}

test("folders import only what stands below them", () => {
  const wrong: string[] = [];
  for (const [from, to] of imports()) {
    if (rootFiles.has(to)) continue;
    const [fromFolder, toFolder] = [from.split("/")[0] as string, to.split("/")[0] as string];
    if (fromFolder === toFolder) continue;
    if (!mayImport[fromFolder]?.includes(toFolder)) wrong.push(`${from} imports ${to}`);
  }
  assert.deepEqual(wrong, []);
});

test("another folder is entered through its index", () => {
  const wrong: string[] = [];
  for (const [from, to] of imports()) {
    if (rootFiles.has(to) || from.startsWith("bin/")) continue;
    if (from.split("/")[0] !== to.split("/")[0] && !to.endsWith("/index.ts"))
      wrong.push(`${from} imports ${to}`);
  }
  assert.deepEqual(wrong, []);
});

test("no file is over 400 lines", () => {
  const long = globSync("**/*.ts", { cwd: source })
    .map((file) => ({ file, lines: readFileSync(join(source, file), "utf8").split("\n").length }))
    .filter(({ lines }) => lines > 400);
  assert.deepEqual(long, []);
});
