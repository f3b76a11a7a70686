import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { request as httpsRequest } from "node:https";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { connect as connectTls, createSecureContext } from "node:tls";
import { scratch, unlessAll } from "../../../test/suites/scratch.ts";
import { certify, opensslSkip } from "../access/tokens/certificates_fixture.test.ts";
import { readConfig } from "./config/read_config.ts";
import { startServer } from "./start_server.ts";

const kinds = ["HTTP", "HTTPS", "HTTP/2"] as const;
type Kind = (typeof kinds)[number];

/** A server in memory with these limits. */
async function serve(kind: Kind, limits: object = {}) {
  using held = new DisposableStack();
  const directory = held.use(scratch("listener"));
  const [certificate, key] = [join(directory.path, "c.pem"), join(directory.path, "k.pem")];
  if (kind !== "HTTP") {
    const made = certify(directory.path, "server");
    writeFileSync(certificate, made.pem);
    writeFileSync(key, made.key.export({ format: "pem", type: "pkcs8" }));
  }
  const http = { addr: "127.0.0.1:0", ...(kind !== "HTTP" && { tls: { certificate, key } }) };
  const overrides = { storage: "inmemory", http, limits };
  const server = await startServer(await readConfig({ environment: {}, overrides }), () => undefined);
  const parts = held.move();
  return {
    port: Number(server.address.split(":")[1]),
    [Symbol.asyncDispose]: async () => {
      await server.stop(AbortSignal.abort());
      parts.dispose();
    },
  };
}

const context = createSecureContext();

/** A connection on which nothing has been asked. */
async function open(kind: Kind, port: number): Promise<Socket> {
  if (kind === "HTTP") {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  }
  const socket = connectTls({
    port,
    host: "127.0.0.1",
    secureContext: context,
    rejectUnauthorized: false,
    ALPNProtocols: [kind === "HTTPS" ? "http/1.1" : "h2"],
  });
  // The ticket that comes with it: what the client holds for done is not yet done for the server.
  const ended = once(socket, "close").then(() => Promise.reject(new Error("it ended in the handshake")));
  await Promise.race([once(socket, "session"), ended]);
  return socket;
}

/** What has come by the end. Whether that is an error too depends on what of the client's was still unread. */
async function heardOf(socket: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("error", () => undefined).on("data", (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => socket.once("close", resolve));
  return Buffer.concat(chunks).toString("latin1");
}

/** With a limit for heads that is short, but no shorter than this machine needs for a handshake now. */
async function withShortHeads(kind: Kind, act: (socket: Socket, port: number) => Promise<void>) {
  for (let limit = 50; ; limit *= 4) {
    await using serving = await serve(kind, { headertimeout: `${limit}ms` });
    const socket = await open(kind, serving.port).catch(() => undefined);
    if (socket !== undefined) return await act(socket, serving.port);
    assert.ok(limit < 60_000, "no handshake within a minute");
  }
}

/** The status of the answer; of HTTP/2 the code by which a stream was refused. */
async function ask(kind: Kind, port: number, headers: OutgoingHttpHeaders = {}): Promise<number | string> {
  if (kind === "HTTP/2") return askHttp2(port, headers);
  const options = { host: "127.0.0.1", port, path: "/v2/", agent: false as const, headers };
  const sent =
    kind === "HTTP" ? httpRequest(options) : httpsRequest({ ...options, rejectUnauthorized: false });
  const [response] = (await once(sent.end(), "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode as number;
}

async function askHttp2(port: number, headers: OutgoingHttpHeaders): Promise<number | string> {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  // Its limits hold once a client has taken note of them; before that nghttp2 takes 64 KiB.
  await once(session, "remoteSettings");
  const stream = session.request({ ":path": "/v2/", ...headers });
  try {
    const [answered] = (await once(stream, "response")) as [IncomingHttpHeaders];
    return Number(answered[":status"]);
  } catch (error) {
    return (error as Error).message;
  } finally {
    session.destroy();
  }
}

// RFC 9113: the preface, empty settings, and the beginning of a HEADERS frame of 100 bytes.
const slowHttp2 = [
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  Buffer.from("000000040000000000", "hex"),
  Buffer.from("000064010400000001828684", "hex"),
];

for (const kind of kinds) {
  const skip = kind !== "HTTP" && opensslSkip;

  test(`${kind}: a head that comes byte by byte ends the connection`, { skip }, async () => {
    await withShortHeads(kind, async (socket) => {
      if (kind === "HTTP/2") for (const each of slowHttp2) socket.write(each);
      else socket.write("GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Slow: ");
      const answered = await heardOf(socket);
      assert.equal(answered.startsWith("HTTP/1.1 408 "), kind !== "HTTP/2");
    });
  });

  test(`${kind}: a connection on which nothing comes ends, before a handshake too`, { skip }, async () => {
    await withShortHeads(kind, async (shaken, port) => {
      const silent = connect(port, "127.0.0.1");
      await Promise.all([silent, shaken].map(heardOf));
      assert.deepEqual([silent.destroyed, shaken.destroyed], [true, true]);
    });
  });

  test(`${kind}: a connection without further requests ends`, { skip }, async () => {
    await using serving = await serve(kind, { keepalivetimeout: "50ms" });
    const socket = await open(kind, serving.port);
    if (kind === "HTTP/2") {
      const session = connectHttp2("https://127.0.0.1", { createConnection: () => socket });
      session.on("error", () => undefined);
      const ended = new Promise((resolve) => session.once("close", resolve));
      session
        .request({ ":path": "/v2/" })
        .on("error", () => undefined)
        .resume();
      await ended;
    } else {
      socket.write("GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n");
      await heardOf(socket);
    }
    assert.equal(socket.destroyed, true);
  });

  test(`${kind}: a request in whose midst the client falls silent ends`, { skip }, async () => {
    await using serving = await serve(kind, { idletimeout: "50ms" });
    const socket = await open(kind, serving.port);
    const path = `/v2/a/blobs/uploads/?digest=sha256:${"0".repeat(64)}`;
    if (kind === "HTTP/2") {
      const session = connectHttp2("https://127.0.0.1", { createConnection: () => socket });
      session.on("error", () => undefined);
      const stream = session.request({ ":path": path, ":method": "POST", "content-length": 100 });
      stream.write("half");
      await heardOf(stream);
      session.destroy();
      assert.equal(stream.closed, true);
    } else {
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf`);
      await heardOf(socket);
      assert.equal(socket.destroyed, true);
    }
  });

  test(`${kind}: a head of many kilobytes is refused`, { skip }, async () => {
    await using serving = await serve(kind, { headersize: 8192 });
    const refused = kind === "HTTP/2" ? "Stream closed with error code NGHTTP2_ENHANCE_YOUR_CALM" : 431;
    assert.equal(await ask(kind, serving.port, { cookie: "x".repeat(7000) }), 200);
    assert.equal(await ask(kind, serving.port, { cookie: "x".repeat(9000) }), refused);
  });

  test(
    `${kind}: a thousand idle connections take little memory and nobody's turn`,
    { skip: skip || (kind !== "HTTP" && unlessAll) },
    async () => {
      await using serving = await serve(kind);
      // What the first connections of a process need is not theirs.
      assert.equal(await ask(kind, serving.port), 200);
      const before = process.memoryUsage.rss();
      const sockets = await Promise.all(Array.from({ length: 1000 }, () => open(kind, serving.port)));
      assert.equal(await ask(kind, serving.port), 200);
      // Both ends of each are in this process.
      const megabytes = (process.memoryUsage.rss() - before) / (1 << 20);
      assert.ok(megabytes < (kind === "HTTP" ? 100 : 300), `${Math.round(megabytes)} MB`);
      for (const socket of sockets) socket.destroy();
    },
  );
}
