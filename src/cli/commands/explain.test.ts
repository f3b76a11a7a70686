import assert from "node:assert/strict";
import { test } from "node:test";
import type { App } from "../app.ts";
import { explain } from "./explain.ts";

/** What the command prints. */
async function printed(args: string[], json = false): Promise<string> {
  let text = "";
  const stdout = { write: (chunk: string) => (text += chunk) };
  const app = { json, stdout } as unknown as App;
  await explain.run({ app, args, flags: {}, given: new Set(), signal: new AbortController().signal });
  return text;
}

test("without a word it lists what it can explain", async () => {
  const lines = (await printed([])).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => line.split(" ")[0]),
    ["unionfs", "aufs", "overlay", "overlay2", "layers", "images"],
  );
});

test("B018 B019 a page has text, marks, limits, misconceptions and what the simulator did, in 100 columns", async () => {
  const page = await printed(["overlay2"]);
  assert.match(page, /^overlay2: OverlayFS with many lower branches\n\nSince Linux 4\.0 /);
  assert.match(
    page,
    /\n\nWhiteout {2}char device 0\/0 of the name\nOpaque {4}xattr trusted\.overlay\.opaque="y"/,
  );
  assert.match(page, /\n\nLimits\n {2}Linux 4\.0 or newer/);
  assert.match(page, /\n\nOften told\n {2}"/);
  assert.match(page, /\n {2}\$ rm \/etc\/motd\n {6}d etc\n {6}c 0:0 etc\/motd\n/);
  assert.match(page, /\n {2}\$ mv \/etc \/conf {3}fails: EXDEV\n {6}\(the writable layer is empty\)\n$/);
  for (const topic of ["unionfs", "aufs", "overlay", "layers", "images"]) {
    const long = (await printed([topic])).split("\n").filter((line) => line.length > 110);
    assert.deepEqual(long, [], topic);
  }
});

test("with --json programs get the same", async () => {
  const one = JSON.parse(await printed(["aufs"], true)) as { topic: string; whiteout: string };
  assert.deepEqual([one.topic, one.whiteout], ["aufs", "file .wh.<name> beside where the name would be"]);
  assert.equal((JSON.parse(await printed([], true)) as unknown[]).length, 6);
});

test("a word that it does not know", async () => {
  await assert.rejects(printed(["btrfs"]), { kind: "invalid", message: '"btrfs" is not explained' });
});
