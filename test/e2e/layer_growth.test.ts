/** What installing, removing and deleting does to an image, step by step, as commits have it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../suites/scratch.ts";
import { json, makeBase, runSkip, varveOn, type Program } from "./support.ts";

/** Runs `script` in a container of `from` and commits it as `to`, as one RUN of a Dockerfile would. */
async function step(varve: Program, from: string, script: string, to: string): Promise<void> {
  const name = to.replace(":", "-");
  await varve("run", "--name", name, from, "sh", "-c", script);
  await varve("commit", name, to);
  await varve("rm", name);
}

/** Names in the image's top layer, as its tar in a saved archive has them. */
async function topLayer(varve: Program, image: string, file: string): Promise<string[]> {
  await varve("save", "-o", file, "--format", "docker", image);
  const [manifest] = json<[{ Layers: string[] }]>(
    execFileSync("tar", ["-xOf", file, "manifest.json"], { encoding: "utf8" }),
  );
  const layer = execFileSync("tar", ["-xOf", file, manifest.Layers.at(-1) as string]);
  return execFileSync("tar", ["-t"], { input: layer, encoding: "utf8" }).trim().split("\n");
}

async function layersOf(varve: Program, image: string): Promise<string[]> {
  return json<string[]>(await varve("inspect", "-f", "{{json .RootFS.Layers}}", image));
}

test("layers grow, and nothing is given back", { skip: runSkip }, async (t) => {
  using directory = scratch("growth");
  const varve = varveOn(join(directory.path, "root"));
  await varve("import", makeBase(directory.path, { id: "base" }), "base:1");
  const archive = join(directory.path, "saved.tar");

  await t.test("B033 removing one package and installing another: whiteouts and additions", async () => {
    await step(varve, "base:1", "apt-get install -y mysql", "mysql:1");
    await step(varve, "mysql:1", "rm /usr/bin/mysql /usr/mysql.data; apt-get install -y golang", "golang:1");
    const names = await topLayer(varve, "golang:1", archive);
    const expected = ["usr/.wh.mysql.data", "usr/bin/.wh.mysql", "usr/bin/golang", "usr/golang.data"];
    assert.deepEqual(names.filter((name) => /mysql|golang/.test(name)).sort(), expected);
    assert.deepEqual((await layersOf(varve, "golang:1")).slice(0, 2), await layersOf(varve, "mysql:1"));
    // The package lies on in the layer below.
    const below = await topLayer(varve, "mysql:1", archive);
    assert.ok(below.includes("usr/bin/mysql") && below.includes("usr/mysql.data"));
  });

  await t.test("B034 deleting in a later layer reclaims nothing: 10.5MB and 0B", async () => {
    await step(varve, "base:1", "head -c 10485760 /dev/zero > /big", "big:1");
    await step(varve, "big:1", "rm /big", "small:1");
    const sizes = (await varve("history", "--format", "{{.Size}}", "small:1")).split("\n");
    assert.deepEqual(sizes.slice(0, 2), ["0B", "10.5MB"]);
    const sizeOf = async (image: string): Promise<number> =>
      Number(await varve("inspect", "-f", "{{.Size}}", image));
    assert.equal(await sizeOf("small:1"), await sizeOf("big:1"));
    assert.equal(await sizeOf("big:1"), (await sizeOf("base:1")) + 10_485_760);
  });
});
