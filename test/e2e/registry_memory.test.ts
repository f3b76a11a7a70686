/** What the server holds in memory does not depend on what goes through it. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { startUpload } from "../suites/registry_requests.ts";
import { scratch, unlessAll, unlessLinux } from "../suites/scratch.ts";
import { serve } from "./registry_serving.ts";

/** Bytes that the issue allows. */
const bound = 200 * 2 ** 20;
const piece = Buffer.alloc(1 << 20);

const cases = [
  { title: "256 MiB", megabytes: 256, skip: unlessLinux },
  { title: "10 GiB", megabytes: 10 << 10, skip: unlessLinux || unlessAll },
];

for (const { title, megabytes, skip } of cases) {
  test(`a blob of ${title} goes in and out with less than 200 MB resident`, { skip }, async () => {
    using directory = scratch("registry-memory");
    await using server = await serve(["--root", directory.path]);
    const origin = `http://${server.address}`;
    const hash = createHash("sha256");
    const body = Readable.from(zeros(megabytes, (bytes) => hash.update(bytes)));
    const sending = request(await startUpload(origin, "large"), { method: "PATCH" });
    const answered = once(sending, "response") as Promise<[IncomingMessage]>;
    await pipeline(body, sending);
    const [patched] = await answered;
    assert.equal(patched.resume().statusCode, 202);
    const digest = `sha256:${hash.digest("hex")}`;
    const done = await fetch(`${patched.headers.location}?digest=${digest}`, { method: "PUT" });
    assert.equal(done.status, 201);
    const got = await fetch(`${origin}/v2/large/blobs/${digest}`);
    let size = 0;
    for await (const chunk of got.body ?? []) size += chunk.length;
    assert.equal(size, megabytes * piece.length);
    const peak = peakOf(server.child.pid as number);
    assert.ok(peak < bound, `${Math.round(peak / 2 ** 20)} MiB`);
  });
}

/** The same piece again and again: the client must not be the one that needs the memory. */
async function* zeros(count: number, look: (bytes: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) {
    look(piece);
    yield piece;
  }
}

function peakOf(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) * 1024;
}
