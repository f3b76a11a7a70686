import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { demultiplex, EngineClient, jsonLines, parseEngineAddress, pathOf } from "./index.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

interface Served extends AsyncDisposable {
  readonly client: EngineClient;
  /** Methods and paths of what was asked, without pings. */
  readonly asked: readonly string[];
}

/** A daemon of the version that answers as `handler` says; upgraded connections get back what they send. */
async function serving(version: string, handler: Handler): Promise<Served> {
  const directory = scratch("engine-client");
  const path = join(directory.path, "s");
  const asked: string[] = [];
  const server = createServer((request, response) => {
    if (request.url === "/_ping") return void response.setHeader("Api-Version", version).end("OK");
    asked.push(`${request.method} ${request.url}`);
    handler(request, response);
  });
  server.on("upgrade", (request, socket) => {
    asked.push(`${request.method} ${request.url}`);
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello ");
    socket.pipe(socket);
  });
  server.listen(path);
  await once(server, "listening");
  return {
    client: await EngineClient.connect(parseEngineAddress(`unix://${path}`, {})),
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      directory[Symbol.dispose]();
    },
  };
}

test("B176 the older of the two versions is spoken; queries leave out what is not given", async () => {
  await using served = await serving("1.41", (_request, response) => response.end('{"a":1}'));
  const { client, asked } = served;
  assert.deepEqual(
    [client.version, client.isAtLeast("1.41"), client.isAtLeast("1.42")],
    ["1.41", true, false],
  );
  const query = { all: true, size: false, t: 0, signal: "", name: undefined, filters: '{"a":["b"]}' };
  assert.deepEqual(await client.json("GET", pathOf`/containers/${"a/b"}/json`, { query }), { a: 1 });
  assert.deepEqual(asked, [
    "GET /v1.41/containers/a%2Fb/json?all=1&size=0&t=0&filters=%7B%22a%22%3A%5B%22b%22%5D%7D",
  ]);
  await using newer = await serving("1.99", (_request, response) => response.end());
  assert.equal(newer.client.version, "1.50");
});

test("a daemon's message and status become a failure", async () => {
  const answers: readonly (readonly [number, string, string, string])[] = [
    [404, '{"message":"No such container: x"}', "not-found", "No such container: x"],
    [409, '{"message":"Conflict."}\n', "conflict", "Conflict."],
    [400, "plain text", "invalid", "plain text"],
    [500, "", "internal", "the daemon answered with status 500"],
  ];
  for (const [status, body, kind, message] of answers) {
    await using served = await serving("1.50", (_request, response) => response.writeHead(status).end(body));
    await assert.rejects(served.client.json("POST", "/x"), { kind, message });
  }
  await using unchanged = await serving("1.50", (_request, response) => response.writeHead(304).end());
  assert.equal(await unchanged.client.json("POST", "/x"), undefined);
});

test("a connection is taken over with what came behind the head", async () => {
  await using served = await serving("1.50", (_request, response) => response.end());
  const connection = await served.client.hijack("/containers/x/attach", { query: { stream: true } });
  connection.end("you");
  assert.equal(await text(connection), "hello you");
  assert.deepEqual(served.asked, ["POST /v1.50/containers/x/attach?stream=1"]);
});

test("nobody answers", async () => {
  using directory = scratch("engine-client");
  const url = `unix://${join(directory.path, "none")}`;
  await assert.rejects(EngineClient.connect(parseEngineAddress(url, {})), {
    kind: "unavailable",
    message: `no daemon answers at ${url}`,
  });
});

test("addresses", () => {
  const tcp = (url: string, env = {}) => {
    const address = parseEngineAddress(url, env);
    return address.kind === "tcp" ? [address.host, address.port, address.tls] : undefined;
  };
  assert.deepEqual(tcp("tcp://127.0.0.1:1"), ["127.0.0.1", 1, undefined]);
  assert.deepEqual(tcp("tcp://host"), ["host", 2375, undefined]);
  assert.deepEqual(tcp("http://[::1]:80"), ["::1", 80, undefined]);
  const env = { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs" };
  assert.deepEqual(tcp("tcp://host", env), ["host", 2376, { directory: "/certs", verify: true }]);
  assert.deepEqual(tcp("tcp://host", { DOCKER_TLS: "1", HOME: "/h" }), [
    "host",
    2376,
    { directory: "/h/.docker", verify: false },
  ]);
  for (const url of ["", "unix://", "unix://relative", "ssh://host", "tcp://", "tcp://a:b"]) {
    assert.throws(() => parseEngineAddress(url, {}), {
      kind: "invalid",
      message: `unable to parse docker host \`${url}\``,
    });
  }
});

/** A frame of Docker's multiplexed stream. */
function frame(stream: number, body: string): Buffer {
  const head = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, Buffer.from(body)]);
}

async function taken(chunks: readonly Buffer[]): Promise<{ stdout: string; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  await demultiplex(Readable.from(chunks), { stdout, stderr });
  stdout.end();
  stderr.end();
  return { stdout: await text(stdout), stderr: await text(stderr) };
}

test("frames are taken apart wherever they are cut", async () => {
  const whole = Buffer.concat([frame(1, "out"), frame(2, "error"), frame(1, ""), frame(0, "put")]);
  for (const size of [1, 3, 8, 9, whole.length]) {
    const count = Math.ceil(whole.length / size);
    const chunks = Array.from({ length: count }, (_, index) =>
      whole.subarray(index * size, (index + 1) * size),
    );
    assert.deepEqual(await taken(chunks), { stdout: "output", stderr: "error" });
  }
});

test("an error in the stream, and what is no frame", async () => {
  await assert.rejects(taken([frame(3, "disk"), frame(3, " full")]), {
    kind: "internal",
    message: "error from daemon in stream: disk full",
  });
  await assert.rejects(taken([Buffer.from("HTTP/1.1 200 OK")]), {
    kind: "corrupt",
    message: "Unrecognized input header: 72",
  });
});

test("JSON, one object a line, cut anywhere", async () => {
  const bytes = Buffer.from('{"a":"é"}\r\n\n{"n":1795917149950975992}');
  const chunks = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1));
  const exactly = (_key: string, value: unknown, { source }: { readonly source?: string }) =>
    typeof value === "number" ? BigInt(source as string) : value;
  const found = await Array.fromAsync(jsonLines(Readable.from(chunks), exactly));
  assert.deepEqual(found, [{ a: "é" }, { n: 1795917149950975992n }]);
  await assert.rejects(Array.fromAsync(jsonLines(Readable.from([Buffer.from("<html>\n")]))), {
    kind: "corrupt",
  });
});
