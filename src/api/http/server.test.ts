/** The Engine API's HTTP: versions, unknown routes, hostile requests. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type AddressInfo, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { daemonFixture, type Asked, type DaemonFixture } from "../../../test/support/daemon_fixture.ts";
import type { Call } from "./call.ts";
import { createApiServer } from "./server.ts";
import { ApiError } from "./status_of.ts";

suite("the API over HTTP", () => {
  let fixture: DaemonFixture;
  before(async () => (fixture = await daemonFixture()));
  after(() => fixture[Symbol.asyncDispose]());

  /** Sends bytes as they are; half-closes behind them if `end`. */
  const raw = (bytes: string, end: boolean): Socket => {
    const socket = connect({ path: fixture.socket, allowHalfOpen: true });
    socket.on("error", () => undefined);
    if (end) socket.end(bytes);
    else socket.write(bytes);
    return socket;
  };

  test("B176 ping tells the versions, with and without a body", async () => {
    for (const method of ["GET", "HEAD"]) {
      const { status, headers, text: body } = await fixture.ask("/_ping", { method });
      assert.equal(status, 200);
      assert.equal(body, method === "GET" ? "OK" : "");
      const { date: _date, "content-length": length, connection: _connection, ...told } = headers;
      assert.equal(length, method === "GET" ? "2" : "0");
      assert.deepEqual(told, {
        "api-version": "1.50",
        "builder-version": "2",
        "cache-control": "no-cache, no-store, must-revalidate",
        "content-type": "text/plain; charset=utf-8",
        "docker-experimental": "false",
        ostype: "linux",
        pragma: "no-cache",
        server: told.server,
        swarm: "inactive",
      });
    }
  });

  const json = { "Content-Type": "application/json" };
  const refusals: readonly [path: string, asked: Asked, status: number, message: string | RegExp][] = [
    ["/v1.99/info", {}, 400, "client version 1.99 is too new. Maximum supported API version is 1.50"],
    [
      "/v1.23/_ping",
      {},
      400,
      "client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
    ],
    ["/vx/info", {}, 404, "page not found"],
    ["/v1.41", {}, 404, "page not found"],
    ["/v1.41/nonsense", {}, 404, "page not found"],
    ["/", {}, 404, "page not found"],
    ["/info", { method: "POST" }, 404, "page not found"],
    ["/_ping", { method: "DELETE" }, 404, "page not found"],
    ["/session", { method: "POST" }, 400, "no upgrade proto in request"],
    ["/containers/%ZZ/json", {}, 400, /^invalid path/],
    ["/swarm/init", { method: "POST", headers: json, body: "{" }, 400, /^invalid JSON: /],
    [
      "/swarm/init",
      { method: "POST", headers: json, body: "[]" },
      400,
      "invalid JSON: the body is no object",
    ],
    ["/swarm/init", { method: "POST", headers: json, body: '{"ListenAddr":7}' }, 400, /ListenAddr/],
    ["/swarm/init", { method: "POST", headers: json, body: '{"Spec":"x"}' }, 400, /ListenAddr/],
    [
      "/containers/create",
      { method: "POST", headers: { "Content-Type": "text/plain" }, body: "{}" },
      400,
      "Content-Type specified (text/plain) must be 'application/json'",
    ],
    ["/containers/create", { method: "POST", headers: json, body: '{"Cmd":{}}' }, 400, /cannot unmarshal/],
    [
      "/containers/create",
      { method: "POST", headers: json, body: `{"Image":"${"x".repeat(5_000_000)}"}` },
      413,
      /more than 4194304 bytes/,
    ],
    [
      "/containers/create",
      { method: "POST", headers: json, body: '{"a":'.repeat(200_000) },
      400,
      /^invalid JSON/,
    ],
    ["/containers/json?filters=%7B", {}, 400, /^invalid filter/],
    ["/containers/json?limit=x", {}, 400, /invalid syntax/],
    ["/events?since=x", {}, 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
    ["/events?since=2&until=1", {}, 400, "`since` time (2) cannot be after `until` time (1)"],
    ["/system/df?type=nonsense", {}, 400, "unknown object type: nonsense"],
  ];
  for (const [path, asked, status, message] of refusals) {
    const body = typeof asked.body === "string" ? ` ${asked.body.slice(0, 20)}` : "";
    test(`B176 ${asked.method ?? "GET"} ${path}${body} is answered with ${status}`, async () => {
      const answer = await fixture.ask(path, asked);
      const told = answer.json<{ message: string }>();
      assert.deepEqual([answer.status, Object.keys(told)], [status, ["message"]]);
      if (typeof message === "string") assert.equal(told.message, message);
      else assert.match(told.message, message);
      assert.equal(answer.headers["content-type"], "application/json");
    });
  }

  test("B176 what is no HTTP is refused", async () => {
    assert.match(await text(raw("nonsense\r\n\r\n", true)), /^HTTP\/1\.1 400 /);
  });

  test("B176 a request line may be as long as Docker's clients make it, and has a bound", async () => {
    const labels = "x".repeat(500_000);
    assert.equal((await fixture.ask(`/_ping?labels=${labels}`)).status, 200);
    const answer = await text(raw(`GET /_ping?labels=${labels}${labels}${labels} HTTP/1.1\r\n\r\n`, false));
    assert.match(answer, /^HTTP\/1\.1 431 /);
  });

  const withHost = "Host: x\r\nConnection: close\r\n\r\n";
  const spoken: readonly [request: string, answer: RegExp][] = [
    ["GET http://other.example/v1.41/_ping HTTP/1.1\r\n", /^HTTP\/1\.1 200 .*OK$/s],
    ["OPTIONS /v1.41/nonsense HTTP/1.1\r\n", /^HTTP\/1\.1 200 /],
    ["CONNECT /info HTTP/1.1\r\n", /^HTTP\/1\.1 404 .*page not found/s],
    ["GET /_ping HTTP/1.0\r\n", /^HTTP\/1\.1 200 .*OK$/s],
    ["GET /_ping HTTP/2.0\r\n", /^HTTP\/1\.1 505 .*unsupported protocol version/s],
    ["GET /_ping\r\n", /^HTTP\/1\.1 505 /],
    ["GET /_ping HTTP/1.1\r\nHost: y\r\n", /^HTTP\/1\.1 400 .*too many Host headers/s],
    ["GET /v1.41//images/../info HTTP/1.1\r\n", /^HTTP\/1\.1 301 .*\r\nLocation: \/v1\.41\/info\r\n/s],
    ["nonsense\r\n", /^HTTP\/1\.1 400 .*\r\n\r\n400 Bad Request$/s],
    ["GET /_ping HTTP/1.1\r\nNo Header: 1\r\n", /^HTTP\/1\.1 400 /],
    ["POST /auth HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n", /^HTTP\/1\.1 400 /],
  ];
  for (const [line, answer] of spoken) {
    test(`B176 ${JSON.stringify(line)}`, async () =>
      assert.match(await text(raw(`${line}${withHost}`, false)), answer));
  }

  test("B176 requests that do not wait for answers get them in order", async () => {
    const ask = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    const requests = `${ask("/_ping")}${ask("/nonsense")}${ask("/volumes", "Connection: close\r\n")}`;
    const answers = await text(raw(requests, false));
    assert.match(answers, /^HTTP\/1\.1 200 .*OKHTTP\/1\.1 404 .*\}\nHTTP\/1\.1 200 .*"Volumes":\[\]/s);
  });

  test("B176 nonsense behind a request does not get into its answer", async () => {
    const socket = raw("GET /events HTTP/1.1\r\nHost: x\r\n\r\n", false);
    await once(socket, "data");
    socket.write("nonsense\r\n\r\n");
    assert.equal(await text(socket), "");
    assert.equal(fixture.daemon.events.listeners, 0);
  });

  test("B176 a connection that is kept stays open until its client closes it", () => {
    assert.equal(createApiServer({ routes: [], version: "1", onError: () => undefined }).keepAliveTimeout, 0);
  });

  test("who has ended his side still gets his answer", async () => {
    const answer = await text(raw("GET /info HTTP/1.1\r\nHost: x\r\n\r\n", true));
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, /"ServerVersion":/);
  });

  /** Serves one route. */
  async function serving(
    handle: (call: Call) => Promise<void>,
    onError: (error: unknown) => void,
  ): Promise<{ readonly port: number } & AsyncDisposable> {
    const routes = [{ method: "POST", path: "/broken", handle }] as const;
    const server = createApiServer({ routes, version: "1", onError }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const close = (): Promise<void> => {
      server.closeAllConnections();
      return new Promise((resolve) => void server.close(() => resolve()));
    };
    return { port, [Symbol.asyncDispose]: close };
  }

  test("a client that goes in the middle of its body is nothing to warn of", async () => {
    const warnings: unknown[] = [];
    const failed = Promise.withResolvers<void>();
    const handle = async ({ request }: Call): Promise<void> => {
      try {
        for await (const chunk of request) if ((chunk as Buffer).length > 0) client.destroy();
      } finally {
        failed.resolve();
      }
    };
    await using server = await serving(handle, (error) => warnings.push(error));
    const client = connect(server.port, "127.0.0.1");
    client.write("POST /broken HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx");
    await failed.promise;
    await new Promise(setImmediate);
    assert.deepEqual(warnings, []);
  });

  test("a handler that fails in the middle of a body, and lets go of it, is answered for", async () => {
    const handle = async ({ request }: Call): Promise<void> => {
      for await (const chunk of request)
        throw new ApiError(400, `no more than ${(chunk as Buffer).length > 0}`);
    };
    await using server = await serving(handle, (error) => assert.fail(String(error)));
    const answer = await fetch(`http://127.0.0.1:${server.port}/broken`, {
      method: "POST",
      body: "x".repeat(10_000),
    });
    assert.deepEqual([answer.status, await answer.json()], [400, { message: "no more than true" }]);
  });

  test("a stream ends when the client ends his side", async () => {
    const socket = raw("GET /events HTTP/1.1\r\nHost: x\r\n\r\n", false);
    await once(socket, "data");
    assert.equal(fixture.daemon.events.listeners, 1);
    socket.end();
    await once(socket.resume(), "close");
    assert.equal(fixture.daemon.events.listeners, 0);
  });

  test("a body that breaks off is no request", async () => {
    const head =
      "POST /swarm/init HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    const answer = await text(raw(`${head}{"ListenAddr`, true));
    assert.doesNotMatch(answer, /^HTTP\/1\.1 200 /);
    assert.equal(fixture.daemon.swarm.state, undefined);
    assert.equal((await fixture.ask("/_ping")).status, 200);
  });
});
