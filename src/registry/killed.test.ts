/** `kill -9` at any moment of a push: the client goes on, and what is listed is there. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { pushSmallImage, startUpload } from "../../test/suites/registry_requests.ts";
import { digestOf } from "../oci/index.ts";

const directory = await mkdtemp(join(tmpdir(), "varve-killed-"));
after(() => rm(directory, { recursive: true }));
const script = join(import.meta.dirname, "../../test/support/registry_process.ts");

interface Victim extends AsyncDisposable {
  readonly origin: string;
}

async function start(root: string): Promise<Victim> {
  const child = spawn(process.execPath, [script, root], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "close");
  const [port] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  return { origin: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: kill };
}

test("B162 a server killed in the middle of a chunk: its successor says how far it got, and the rest is enough", async () => {
  const root = join(directory, "chunk");
  const bytes = randomBytes(5 << 20);
  let path: string;
  {
    await using victim = await start(root);
    const url = await startUpload(victim.origin, "k");
    path = new URL(url).pathname;
    const sending = request(url, { method: "PATCH", headers: { "Content-Length": bytes.length } });
    sending.on("error", () => undefined);
    sending.write(bytes.subarray(0, 4 << 20));
    while (Number((await fetch(url)).headers.get("range")?.slice(2)) < 1 << 20);
  }
  await using successor = await start(root);
  const url = `${successor.origin}${path}`;
  const had = Number((await fetch(url)).headers.get("range")?.slice(2)) + 1;
  assert.ok(had > 1 << 20 && had <= 4 << 20, `${had}`);
  const headers = { "Content-Range": `${had}-${bytes.length - 1}` };
  const rest = await fetch(url, { method: "PATCH", body: bytes.subarray(had), headers });
  assert.equal(rest.status, 202);
  assert.equal((await fetch(`${url}?digest=${digestOf(bytes)}`, { method: "PUT" })).status, 201);
});

test("a server killed between pushes of tags: every tag that is listed resolves, and the push can be made again", async () => {
  const root = join(directory, "tags");
  {
    await using victim = await start(root);
    let pushed = 0;
    const enough = Promise.withResolvers<void>();
    const many = async (from: number): Promise<void> => {
      for (let i = from; i < 1000; i += 4) {
        await pushSmallImage(victim.origin, "k", `t${i}`, { annotations: { i: String(i) } });
        if (++pushed === 20) enough.resolve();
      }
    };
    // Ended by the kill, each in the middle of something else.
    const pushing = Promise.allSettled([0, 1, 2, 3].map(many));
    await enough.promise;
    await victim[Symbol.asyncDispose]();
    await pushing;
  }
  await using successor = await start(root);
  const { origin } = successor;
  const { tags } = (await (await fetch(`${origin}/v2/k/tags/list`)).json()) as { tags: string[] };
  assert.ok(tags.length >= 20, `${tags.length} tags`);
  for (const tag of tags) {
    const manifest = await fetch(`${origin}/v2/k/manifests/${tag}`);
    assert.equal(manifest.status, 200, tag);
    const { annotations } = (await manifest.json()) as { annotations: { i: string } };
    assert.equal(`t${annotations.i}`, tag);
  }
  await pushSmallImage(origin, "k", "t0", { annotations: { i: "0" } });
});
