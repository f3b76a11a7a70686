import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, type AddressInfo } from "node:net";
import { join } from "node:path";
import { json, text } from "node:stream/consumers";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { certify, opensslSkip } from "../access/tokens/certificates_fixture.test.ts";
import { readConfig } from "./config/read_config.ts";
import { startServer } from "./start_server.ts";

/** A server in memory with these keys beside the usual ones. */
async function serve(keys: Record<string, unknown> = {}) {
  const http = { addr: "127.0.0.1:0", ...(keys["http"] as object | undefined) };
  const log = { formatter: "json", level: "debug" };
  const overrides = { storage: "inmemory", log, ...keys, http };
  const lines: Record<string, unknown>[] = [];
  const config = await readConfig({ environment: {}, overrides });
  const server = await startServer(
    config,
    (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
  );
  const ask = (
    method: string,
    path: string,
    options: RequestOptions & { readonly body?: string | Uint8Array } = {},
  ) => askAt(server.address, method, path, options);
  const logged = (message: string) => lines.filter(({ msg }) => msg === message);
  const dispose = () => server.stop(AbortSignal.abort());
  return { server, ask, lines, logged, [Symbol.asyncDispose]: dispose };
}

async function askAt(
  address: string,
  method: string,
  path: string,
  { body, ...options }: RequestOptions & { readonly body?: string | Uint8Array } = {},
) {
  const sent = httpRequest(`http://${address}${path}`, { method, agent: false, ...options }).end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
}

const blob = Buffer.from("some bytes");
const digest = `sha256:${createHash("sha256").update(blob).digest("hex")}`;
const push = (ask: Awaited<ReturnType<typeof serve>>["ask"]) =>
  ask("POST", `/v2/a/b/blobs/uploads/?digest=${digest}`, { body: blob });

/** A receiver that keeps the JSON it is sent, and tells of each. */
async function receiver<Body>() {
  const bodies: Body[] = [];
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      bodies.push(body as Body);
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url, bodies, [Symbol.dispose]: close };
}

test("B157 one HTTP service from a configuration: the base answers 200 {} and the version", async () => {
  await using serving = await serve({ http: { headers: { "X-Content-Type-Options": ["nosniff"] } } });
  const { status, headers, body } = await serving.ask("GET", "/v2/");
  assert.deepEqual([status, body], [200, "{}"]);
  assert.equal(headers["docker-distribution-api-version"], "registry/2.0");
  assert.equal(headers["x-content-type-options"], "nosniff");
});

test("a request has an id, the client's own if it is sane, in its answer and in the log", async () => {
  await using serving = await serve();
  const told = await serving.ask("GET", "/v2/", {
    headers: { "X-Request-Id": "abc-1", Authorization: "Basic c2VjcmV0" },
  });
  assert.equal(told.headers["x-request-id"], "abc-1");
  const made = await serving.ask("GET", "/v2/?secret=1", { headers: { "X-Request-Id": "a b" } });
  assert.match(String(made.headers["x-request-id"]), /^[0-9a-f-]{36}$/);
  const [first, second] = serving.logged("request");
  assert.equal(first?.["request_id"], "abc-1");
  assert.equal(second?.["path"], "/v2/");
  assert.doesNotMatch(JSON.stringify(serving.lines), /secret|c2VjcmV0/);
});

test("metrics count requests, durations and bytes by route, on the debug address without rights", async () => {
  await using serving = await serve({
    http: { debug: { addr: "127.0.0.1:0", prometheus: { enabled: true } } },
  });
  assert.equal((await push(serving.ask)).status, 201);
  assert.equal((await serving.ask("GET", `/v2/a/b/blobs/${digest}`)).body, "some bytes");
  assert.equal((await serving.ask("GET", "/metrics")).status, 404, "not on the main address");
  const debug = serving.server.debugAddress as string;
  const { body } = await askAt(debug, "GET", "/metrics");
  for (const line of [
    'registry_http_requests_total{route="upload",method="POST",code="201"} 1',
    'registry_http_requests_total{route="blob",method="GET",code="200"} 1',
    'registry_http_received_bytes_total{route="upload"} 10',
    'registry_http_sent_bytes_total{route="blob"} 10',
    'registry_http_request_duration_seconds_count{route="blob",method="GET"} 1',
    "registry_uploads_running 0",
  ]) {
    assert.ok(body.split("\n").includes(line), `${line} is not in\n${body}`);
  }
  assert.equal((await askAt(debug, "GET", "/debug/health")).status, 200);
  assert.equal((await askAt(debug, "GET", "/v2/")).status, 404);
});

test("metrics on the main address are for who may list the catalog", async () => {
  await using serving = await serve({
    metrics: { enabled: true },
    auth: { silly: { realm: "r", service: "s" } },
  });
  assert.equal((await serving.ask("GET", "/metrics")).status, 401);
  const headers = { Authorization: "silly" };
  assert.equal((await serving.ask("GET", "/metrics", { headers })).status, 200);
});

test("behind a path of a proxy all Locations have that path", async () => {
  await using serving = await serve({ http: { prefix: "/my/reg/" } });
  const { status, headers } = await serving.ask("POST", "/my/reg/v2/a/b/blobs/uploads/");
  assert.equal(status, 202);
  assert.ok(headers.location?.startsWith(`http://${serving.server.address}/my/reg/v2/a/b/blobs/uploads/`));
  assert.equal((await serving.ask("DELETE", new URL(headers.location ?? "").pathname)).status, 204);
  assert.equal((await serving.ask("GET", "/v2/")).status, 404);
});

test("B170 relative Locations, and where tokens are to be had all the same", async () => {
  const auth = {
    issuer: { service: "reg" },
    rules: [{ everyone: true, repositories: "**", actions: ["pull", "push"] }],
  };
  await using serving = await serve({ http: { relativeurls: true, prefix: "/my/" }, auth });
  const refused = await serving.ask("GET", "/my/v2/");
  const realm = /realm="([^"]*)"/.exec(String(refused.headers["www-authenticate"]))?.[1];
  assert.equal(realm, `http://${serving.server.address}/my/token`);
  const path = `${new URL(realm).pathname}?service=reg&scope=repository:a/b:pull,push`;
  const { token } = JSON.parse((await serving.ask("GET", path)).body) as { token: string };
  const headers = { Authorization: `Bearer ${token}` };
  const { status, headers: told } = await serving.ask("POST", "/my/v2/a/b/blobs/uploads/", { headers });
  assert.equal(status, 202);
  assert.match(String(told.location), /^\/my\/v2\/a\/b\/blobs\/uploads\//);
});

test("what a client may do too often is refused with the time to wait", async () => {
  await using serving = await serve({ limits: { requests: { persecond: 1, burst: 2 } } });
  const statuses = [];
  for (let count = 0; count < 3; count++) statuses.push((await serving.ask("GET", "/v2/")).status);
  assert.deepEqual(statuses, [200, 200, 429]);
  assert.equal((await serving.ask("GET", "/token")).status, 429, "where passwords can be tried, too");
});

test("read-only: what is there can be pulled, nothing is written", async () => {
  using directory = scratch("readonly");
  const storage = { filesystem: { rootdirectory: directory.path }, delete: { enabled: true } };
  {
    await using serving = await serve({ storage });
    assert.equal((await push(serving.ask)).status, 201);
  }
  await using serving = await serve({
    storage: { ...storage, maintenance: { readonly: { enabled: true } } },
  });
  assert.equal((await serving.ask("GET", `/v2/a/b/blobs/${digest}`)).status, 200);
  assert.equal((await push(serving.ask)).status, 405);
  assert.equal((await serving.ask("DELETE", `/v2/a/b/blobs/${digest}`)).status, 405);
});

test("deletion is off unless the configuration turns it on, as in distribution", async () => {
  await using serving = await serve();
  await push(serving.ask);
  assert.equal((await serving.ask("DELETE", `/v2/a/b/blobs/${digest}`)).status, 405);
});

test("manifests that send clients to a forbidden place are refused", async () => {
  const urls = { allow: ["^https://mirror\\.example/"], deny: [] };
  await using serving = await serve({ validation: { manifests: { urls } } });
  await push(serving.ask);
  const put = (url: string) => {
    const layer = {
      mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      digest,
      size: 10,
      urls: [url],
    };
    const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
    const config = { mediaType: "application/vnd.docker.container.image.v1+json", digest, size: 10 };
    const body = JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [layer] });
    return serving.ask("PUT", "/v2/a/b/manifests/v1", { body, headers: { "Content-Type": mediaType } });
  };
  assert.equal((await put("https://mirror.example/x")).status, 201);
  const refused = await put("https://evil.example/x");
  assert.equal(refused.status, 400);
  assert.match(refused.body, /MANIFEST_INVALID.*evil\.example/);
});

test("a push is told to the endpoints before the server is gone", async () => {
  using hook = await receiver<{
    readonly events: readonly { readonly action: string; readonly target: object }[];
  }>();
  const endpoints = [{ name: "hook", url: hook.url }];
  await using serving = await serve({ notifications: { endpoints } });
  await push(serving.ask);
  await serving.server.stop();
  assert.deepEqual(
    hook.bodies.map(({ events }) => events[0]?.action),
    ["push"],
  );
  const target = { mediaType: "application/octet-stream", size: 10, length: 10, digest, repository: "a/b" };
  const url = `http://${serving.server.address}/v2/a/b/blobs/${digest}`;
  assert.deepEqual(hook.bodies[0]?.events[0]?.target, { ...target, url });
});

test("spans go to the collector and continue the client's trace", async () => {
  interface Spans {
    readonly resourceSpans: readonly {
      readonly scopeSpans: readonly { readonly spans: readonly Record<string, unknown>[] }[];
    }[];
  }
  using collector = await receiver<Spans>();
  await using serving = await serve({ traces: { endpoint: collector.url } });
  const trace = "0af7651916cd43dd8448eb211c80319c";
  await serving.ask("GET", "/v2/", { headers: { traceparent: `00-${trace}-b7ad6b7169203331-01` } });
  await serving.server.stop();
  const [span] = collector.bodies[0]?.resourceSpans[0]?.scopeSpans[0]?.spans ?? [];
  assert.equal(span?.["traceId"], trace);
  assert.equal(span?.["parentSpanId"], "b7ad6b7169203331");
  assert.equal(span?.["name"], "GET base");
});

test("the audit log says who did what", async () => {
  using directory = scratch("audit");
  const path = join(directory.path, "audit.log");
  {
    await using serving = await serve({ audit: { path } });
    await push(serving.ask);
    await serving.ask("GET", `/v2/a/b/blobs/${digest}`);
  }
  const entries = readFileSync(path, "utf8").trim().split("\n");
  const read = entries.map((entry) => JSON.parse(entry) as Record<string, unknown>);
  assert.deepEqual(
    read.map(({ action, repository, outcome, status }) => [action, repository, outcome, status]),
    [
      ["push", "a/b", "allowed", 201],
      ["pull", "a/b", "allowed", 200],
    ],
  );
});

test("a server that drains answers what was asked, is not ready, and takes no more", async () => {
  await using serving = await serve();
  const size = 8 << 20;
  const big = Buffer.alloc(size, 7);
  const name = `sha256:${createHash("sha256").update(big).digest("hex")}`;
  await serving.ask("POST", `/v2/a/b/blobs/uploads/?digest=${name}`, { body: big });
  const slow = httpRequest(`http://${serving.server.address}/v2/a/b/blobs/${name}`, { agent: false }).end();
  const [response] = (await once(slow, "response")) as [IncomingMessage];
  const stopped = serving.server.stop();
  const refused = await serving.ask("GET", "/v2/").then(
    () => undefined,
    (error: NodeJS.ErrnoException) => error.code,
  );
  assert.equal(refused, "ECONNREFUSED");
  assert.equal(Buffer.byteLength(await text(response)), size);
  await stopped;
});

test("a second signal breaks what a client will never read", async () => {
  await using serving = await serve();
  const socket = connect(Number(serving.server.address.split(":")[1]), "127.0.0.1");
  socket.write("POST /v2/a/b/blobs/uploads/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf");
  await once(socket, "ready");
  const hurry = new AbortController();
  const closed = new Promise((resolve) => socket.on("error", resolve).once("close", resolve).resume());
  const stopped = serving.server.stop(hurry.signal);
  hurry.abort();
  await stopped;
  await closed;
  assert.equal(serving.logged("stopped").length, 1);
});

test("a configuration that names what cannot be had is refused with the place", async () => {
  using directory = scratch("serve");
  const file = join(directory.path, "registry.yml");
  const start = async (yaml: string) => {
    writeFileSync(file, `version: 0.1\n${yaml}`);
    return startServer(await readConfig({ file, environment: {} }), () => undefined);
  };
  await assert.rejects(
    start("storage:\n  filesystem:\n    rootdir: /x\n"),
    /registry\.yml:4: storage\.filesystem\.rootdir is not/,
  );
  await assert.rejects(
    start("storage: inmemory\nauth:\n  htpasswd: {realm: r}\n"),
    /registry\.yml:4: auth\.htpasswd\.path/,
  );
});

test(
  "over HTTP/2 the log has the peer's address and counts each byte once",
  { skip: opensslSkip },
  async () => {
    using directory = scratch("h2");
    const { pem, key: secret } = certify(directory.path, "server");
    const [certificate, key] = [join(directory.path, "c.pem"), join(directory.path, "k.pem")];
    writeFileSync(certificate, pem);
    writeFileSync(key, secret.export({ format: "pem", type: "pkcs8" }));
    await using serving = await serve({ http: { tls: { certificate, key } } });
    const session = connectHttp2(`https://${serving.server.address}`, { rejectUnauthorized: false });
    const stream = session.request({ ":path": "/v2/" });
    const finished = once(stream, "close");
    assert.equal(await text(stream), "{}");
    await finished;
    session.close();
    await serving.server.stop();
    const [entry] = serving.logged("request");
    assert.deepEqual([entry?.["bytes_out"], entry?.["address"]], [2, "127.0.0.1"]);
  },
);
