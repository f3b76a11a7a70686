/** Blobs that lie in files: what the kernel sends and what passes through buffers are the same bytes (behaviours B164). */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readlinkSync, truncateSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pushBlob, type ServedRegistry } from "../../test/suites/registry_requests.ts";
import { digestOf, type Digest } from "../oci/index.ts";
import { createRegistry } from "./index.ts";
import { filesystemStorage } from "./storage/filesystem.ts";
import { paths } from "./tree.ts";

const directory = await mkdtemp(join(tmpdir(), "varve-send-file-"));
after(() => rm(directory, { recursive: true }));
/** More than a socket's buffers hold. */
const bytes = Buffer.concat([randomBytes(1 << 20), Buffer.alloc(15 << 20, 7), randomBytes((1 << 20) + 1)]);

interface Sending extends ServedRegistry {
  /** Told past the response's methods. */
  sent: number;
  readonly errors: unknown[];
  /** Resolves when no request is being answered. */
  quiet(): Promise<unknown>;
}

/** @param encrypted as TLS is: the kernel cannot help */
async function serve(encrypted: boolean): Promise<Sending> {
  const answers: Promise<unknown>[] = [];
  const registry = createRegistry({ storage: filesystemStorage(directory) });
  const server = createServer((request, response) => {
    answers.push(once(response, "close"));
    if (encrypted) Object.assign(request.socket, { encrypted });
    const onSent = (count: number) => (sending.sent += count);
    const onError = (error: unknown) => sending.errors.push(error);
    void registry.handle(request, response, { onSent, onError, origin: sending.origin });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const origin = `http://127.0.0.1:${port}`;
  const quiet = () => Promise.all(answers);
  const sending: Sending = { origin, sent: 0, errors: [], quiet, [Symbol.asyncDispose]: close };
  return sending;
}

/** A connection that says what it is told and reads when it is asked. */
function open(origin: string, text: string) {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  socket.write(text);
  return socket;
}

const get = (digest: Digest, more = "") => `GET /v2/x/blobs/${digest} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

const digest = await (async () => {
  await using server = await serve(false);
  return await pushBlob(server.origin, "x", bytes);
})();

for (const encrypted of [false, true]) {
  describe(encrypted ? "through buffers" : "by the kernel", () => {
    test("B164 a blob and its ranges, by four clients at once", async () => {
      await using server = await serve(encrypted);
      const url = `${server.origin}/v2/x/blobs/${digest}`;
      const whole = await Promise.all(
        Array.from({ length: 4 }, async () => digestOf(Buffer.from(await (await fetch(url)).arrayBuffer()))),
      );
      assert.deepEqual(whole, Array(4).fill(digest));
      for (const [start, end] of [
        [0, 0],
        [5, 300_004],
        [1 << 20, bytes.length - 1],
      ] as const) {
        const part = await fetch(url, { headers: { Range: `bytes=${start}-${end}` } });
        assert.equal(part.status, 206);
        assert.ok(Buffer.from(await part.arrayBuffer()).equals(bytes.subarray(start, end + 1)), `${start}`);
      }
      await server.quiet();
      const byKernel = 4 * bytes.length + 300_000 + bytes.length - (1 << 20);
      if (process.platform === "linux") assert.equal(server.sent, encrypted ? 0 : byKernel);
    });

    test("two requests at once on one connection are answered whole and in order", async () => {
      await using server = await serve(encrypted);
      const socket = open(server.origin, get(digest) + get(digest, "Connection: close\r\n"));
      let left = Buffer.concat(await socket.toArray());
      for (const turn of ["first", "second"]) {
        const start = left.indexOf("\r\n\r\n") + 4;
        assert.match(left.subarray(0, start).toString("latin1"), /^HTTP\/1\.1 200 OK\r\n/, turn);
        assert.equal(digestOf(left.subarray(start, start + bytes.length)), digest, turn);
        left = left.subarray(start + bytes.length);
      }
      assert.equal(left.length, 0);
    });

    test("a client that stops reading and goes away takes nothing along", async () => {
      await using server = await serve(encrypted);
      const socket = open(server.origin, get(digest));
      await once(socket, "readable");
      socket.destroy();
      await once(socket, "close");
      const again = await fetch(`${server.origin}/v2/x/blobs/${digest}`);
      assert.equal(digestOf(Buffer.from(await again.arrayBuffer())), digest);
      assert.deepEqual(server.errors, []);
      if (process.platform !== "linux") return;
      // The blob's file is closed as soon as the server has noticed.
      const isOpen = () => openPaths().some((path) => path.includes(digest.slice(7)));
      while (isOpen()) await new Promise((resolve) => setImmediate(resolve));
    });

    test("a file that ends early breaks the connection: the client must not take it for whole", async () => {
      await using server = await serve(encrypted);
      const other = Buffer.concat([bytes, Buffer.from(`${encrypted}`)]);
      const doomed = await pushBlob(server.origin, "x", other);
      const answer = await fetch(`${server.origin}/v2/x/blobs/${doomed}`);
      truncateSync(join(directory, paths.blob(doomed)), 1000);
      await assert.rejects(answer.arrayBuffer());
      assert.match(String(server.errors), /its file ends at \d+/);
    });
  });
}

/** What this process has open. */
function openPaths(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}
