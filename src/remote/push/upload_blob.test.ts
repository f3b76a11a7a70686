import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { serveRegistry } from "../../registry/index.ts";
import { FakeClock, failure, noise, signal, testImage, testRemote } from "../testing.test.ts";
import { UploadJournal } from "./upload_journal.ts";

const directory = await mkdtemp(join(tmpdir(), "varve-push-"));
after(() => rm(directory, { recursive: true }));

test("B129 a broken upload goes on at the registry's offset", async () => {
  let patches = 0;
  await using registry = await serveRegistry({
    storage: "memory",
    faults: ({ method }) =>
      method === "PATCH" && patches++ < 3 ? { kind: "cut-upload", afterBytes: 5_000 } : undefined,
  });
  const clock = new FakeClock();
  const one = testImage([noise(40_000, 9)]);
  using remote = testRemote({ clock });
  await remote.push(one, `${registry.address}/a:v1`, { signal });
  const size = one.blobs[0]!.length;
  const received = registry.requests
    .filter(({ method }) => method === "PATCH")
    .map((request) => request.received);
  assert.deepEqual(received, [5_000, 5_000, 5_000, size - 15_000, one.config.length]);
  assert.equal(registry.requests.filter(({ method }) => method === "POST").length, 2);
  assert.equal(clock.sleeps.length, 3);
});

test("B129 a push that was stopped goes on in the next process: no byte is sent twice", async () => {
  const [storage, uploadsDirectory] = [join(directory, "registry"), join(directory, "uploads")];
  const one = testImage([noise(60_000, 10)]);
  const stop = new AbortController();
  const cut = { kind: "cut-upload", afterBytes: 30_000 } as const;
  const first = await serveRegistry({
    storage,
    faults: ({ method }) => (method === "PATCH" ? cut : undefined),
  });
  const { port } = new URL(`http://${first.address}`);
  {
    const clock = new FakeClock();
    // The user loses patience while we wait for a better time.
    clock.sleep = async () => stop.abort();
    using remote = testRemote({ uploadsDirectory, clock });
    const pushing = remote.push(one, `${first.address}/a:v1`, { signal: stop.signal });
    await assert.rejects(pushing, failure("cancelled", "context canceled"));
  }
  const [note] = await readdir(uploadsDirectory);
  assert.match(
    await readFile(join(uploadsDirectory, note!), "utf8"),
    new RegExp(one.layers[0]!.blob!.digest),
  );
  await first.close();

  await using second = await serveRegistry({ storage, port: Number(port) });
  using remote = testRemote({ uploadsDirectory });
  await remote.push(one, `${second.address}/a:v1`, { signal });
  const patches = [...first.requests, ...second.requests].filter(({ method }) => method === "PATCH");
  assert.deepEqual(
    patches.map(({ received }) => received),
    [30_000, one.blobs[0]!.length - 30_000, one.config.length],
  );
  assert.deepEqual(await readdir(uploadsDirectory), []);
});

test("a session that the registry has forgotten, or that is spoilt, costs a new start and nothing else", async () => {
  const uploadsDirectory = join(directory, "stale");
  const one = testImage([noise(9_000, 11)]);
  await using registry = await serveRegistry({ storage: "memory" });
  const base = `http://${registry.address}`;
  const location = async () =>
    (await fetch(`${base}/v2/a/blobs/uploads/`, { method: "POST" })).headers.get("location") as string;
  const page = new UploadJournal(uploadsDirectory).page(`${base}/v2/a`, one.layers[0]!.blob!.digest);
  const gone = await location();
  await fetch(gone, { method: "DELETE" });
  await page.write(gone);
  using remote = testRemote({ uploadsDirectory });
  await remote.push(one, `${registry.address}/a:v1`, { signal });

  const other = testImage([noise(9_000, 12)]);
  const spoilt = await location();
  await fetch(spoilt, { method: "PATCH", body: "these are not the layer's first bytes" });
  await new UploadJournal(uploadsDirectory).page(`${base}/v2/a`, other.layers[0]!.blob!.digest).write(spoilt);
  await remote.push(other, `${registry.address}/a:v2`, { signal });
  assert.equal((await remote.resolve(`${registry.address}/a:v2`, { signal })).imageId, other.imageId);
});
