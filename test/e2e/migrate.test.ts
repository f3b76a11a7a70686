/** `varve migrate`: a root changes its storage driver; everything that can be seen stays. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { test } from "node:test";
import { erofsSkip } from "../suites/erofs_skip.ts";
import { json, makeBench, runSkip, varveOn, type Program } from "./support.ts";

const skip = runSkip || (erofsSkip("file") && erofsSkip("loop"));

/** What a user sees. Ages tick, so times are asked for. */
async function seen(varve: Program): Promise<Record<string, string>> {
  const text: Record<string, string> = {};
  for (const args of [
    [
      "images",
      "-a",
      "--digests",
      "--no-trunc",
      "--format",
      "{{.Repository}} {{.Tag}} {{.ID}} {{.CreatedAt}} {{.Size}}",
    ],
    ["history", "--no-trunc", "--format", "{{.ID}} {{.CreatedBy}} {{.Size}}", "made:1"],
    ["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Image}} {{.Names}} {{.State}}"],
    ["diff", "ended"],
  ])
    text[args.join(" ")] = await varve(...args);
  return text;
}

const script = "echo x > /x; rm /etc/passwd; mkdir -p /d/e; echo y > /d/e/y; ln /x /d/x; chmod 700 /d";

test("there and back, killed on the way, with containers", { skip }, async (t) => {
  await using bench = await makeBench("migrate");
  const { root } = bench;
  const plain = varveOn(root);
  // The bench may have been made with either driver.
  const first = (await plain("info", "-f", "{{.Driver}}")) as "overlay2" | "erofs";
  const second = first === "erofs" ? "overlay2" : "erofs";
  await plain("run", "--name", "ended", "base:1", "sh", "-c", script);
  await plain("commit", "ended", "made:1");
  const before = await seen(plain);

  await t.test("a running container is in the way", async () => {
    const running = plain.start(["run", "--name", "busy", "base:1", "sh", "-c", "echo up; sleep 60"]);
    await once(running.stdout!, "data");
    const refused = await plain.run(["migrate", "--to", second]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^varve: cannot migrate while container busy is running\n/);
    assert.equal(existsSync(join(root, "image", second)), false);
    const ended = once(running, "close");
    await plain("rm", "-f", "busy");
    await ended;
  });

  await t.test("killed at some moments, it goes on", async () => {
    for (const delay of [150, 250, 350]) {
      const child = plain.start(["migrate", "-q", "--to", second]);
      const ended = once(child, "close");
      await setTimeout(delay);
      child.kill("SIGKILL");
      await ended;
      assert.deepEqual(await seen(plain), before);
      assert.equal(await plain("system", "check"), "no problems found");
    }
    const printed = await plain("migrate", "--to", second);
    t.diagnostic(printed);
    assert.match(
      printed.split("\n").at(-1)!,
      /^Migrated 2 images, 2 layers and 1 container from \w+ to \w+$|^The storage driver is \w+ already$/,
    );
  });

  assert.equal(await plain("info", "-f", "{{.Driver}}"), second);
  assert.deepEqual(await seen(plain), before);
  assert.equal(await plain("system", "check", "--deep"), "no problems found");
  assert.equal(existsSync(join(root, first)), false);
  assert.equal(await plain("start", "-a", "ended"), "");
  assert.equal(await plain("run", "--rm", "made:1", "cat", "/d/e/y"), "y");
  assert.equal(await plain("migrate", "--to", second), `The storage driver is ${second} already`);

  const back = json<Record<string, unknown>>((await plain("--json", "migrate", "-q", "--to", first)).trim());
  assert.deepEqual([back["from"], back["to"], back["images"], back["old"]], [second, first, 2, "removed"]);
  assert.equal(await plain("system", "check", "--deep"), "no problems found");
  assert.equal(await plain("diff", "ended"), before["diff ended"]);
  assert.equal(existsSync(join(root, second)), false);

  const wrong = await plain.run(["migrate", "--to", "bogus"]);
  assert.equal(wrong.code, 125);
  assert.match(wrong.stderr, /bogus/);
  assert.match((await plain.run(["migrate"])).stderr, /to/);
});
