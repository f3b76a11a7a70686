/** What a build leaves elsewhere: files, archives, squashed layers, and a cache by which another root builds nothing. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { makeBench, runSkip, startRegistry, unless, varveOn, type Bench } from "./support.ts";

const dockerfile = `FROM base:1 AS made
RUN mkdir /made && echo one > /made/one && rm -rf /odd/empty && chmod 700 /var
FROM base:1
COPY --from=made /made /made
RUN rm /odd/one /made/one; echo two > /made/two; rm -r /var; mkdir -m 711 /var; ln -s two /made/link
COPY a /made/three
RUN chown -R 5:6 /made; rm -rf /usr/bin && mkdir /usr/bin
CMD ["sh"]
`;

function writeContext({ path }: Bench): string {
  const context = join(path, "context");
  fs.mkdirSync(context);
  fs.writeFileSync(join(context, "Dockerfile"), dockerfile);
  fs.writeFileSync(join(context, "a"), "a");
  return context;
}

const options = { skip: runSkip, timeout: 60_000 };
const flags = ["build", "-q", "--network", "none"];

test("squashed or not, as files, as a tar or in an archive: one tree", options, async (t) => {
  await using bench = await makeBench("build-outputs");
  const { varve, path } = bench;
  const context = writeContext(bench);
  const at = (name: string): string => join(path, name);
  await varve(...flags, "-t", "whole:1", "-o", `type=tar,dest=${at("whole.tar")}`, context);
  const whole = fs.readFileSync(at("whole.tar"));
  for (const squash of ["--squash", "--squash=2..4"]) {
    await t.test(squash, async () => {
      await varve(...flags, squash, "-t", "squashed:1", "-o", `type=tar,dest=${at("squashed.tar")}`, context);
      assert.ok(whole.equals(fs.readFileSync(at("squashed.tar"))));
      const layers = "{{len .RootFS.Layers}}";
      const count = Number(await varve("image", "inspect", "-f", layers, "squashed:1"));
      assert.ok(count < Number(await varve("image", "inspect", "-f", layers, "whole:1")), `${count} layers`);
    });
  }
  await t.test("standard output", async () => {
    const command = varve.start([...flags, "-o", "-", context]);
    command.stdin?.end();
    const chunks: Buffer[] = [];
    for await (const chunk of command.stdout as AsyncIterable<Buffer>) chunks.push(chunk);
    assert.ok(whole.equals(Buffer.concat(chunks)));
  });
  await t.test("a directory", async () => {
    await varve(...flags, "-o", at("directory"), context);
    fs.mkdirSync(at("unpacked"));
    execFileSync("tar", ["--no-same-owner", "-xpf", at("whole.tar"), "-C", at("unpacked")]);
    const names = (cwd: string): string =>
      execFileSync("sh", ["-c", "find . -printf '%y %m %p\\n' | LC_ALL=C sort"], { cwd, encoding: "latin1" });
    assert.equal(names(at("directory")), names(at("unpacked")));
    assert.equal(fs.readFileSync(join(at("directory"), "made/link"), "utf8"), "two\n");
  });
  for (const type of ["docker", "oci"]) {
    await t.test(type, async () => {
      await varve(...flags, "-o", `type=${type},name=other:1,dest=${at(type)}`, context);
      const other = varveOn(at(`root-${type}`), "vfs");
      assert.match(await other("load", "-i", at(type)), /other:1/);
      assert.equal(
        await other("images", "-q", "--no-trunc"),
        await varve("images", "-q", "--no-trunc", "whole:1"),
      );
    });
  }
});

test(
  "a cache in a registry: another root, with another driver, builds nothing and has the same image",
  { ...options, skip: runSkip || unless("docker-registry") },
  async () => {
    await using bench = await makeBench("build-cache-to");
    const { varve, path } = bench;
    const context = writeContext(bench);
    await using registry = await startRegistry(path);
    const cache = `${registry.address}/cache:1`;
    const to = ["--cache-to", `type=registry,ref=${cache},mode=max`];
    const id = await varve(...flags, ...to, context);
    await varve("save", "-o", join(path, "base-image"), "base:1");
    const other = varveOn(join(path, "other"), "erofs");
    await other("load", "-q", "-i", join(path, "base-image"));
    const args = ["build", "--network", "none", "--progress", "plain", "--cache-from", cache, context];
    const { code, stderr } = await other.run(args);
    assert.equal(code, 0, stderr);
    assert.equal(stderr.match(/^#\d+ CACHED/gm)?.length, 5, stderr);
    assert.ok(stderr.includes(`Built ${id}`), stderr);
  },
);
