/** Clients of the daemon that are many, leave without a word, never read or never stop: it keeps nothing of them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, suite, test } from "node:test";
import { apiMachine, type ApiMachine } from "../support/api_machine.ts";
import { cannotLive } from "../support/live_machine.ts";
import { unlessAll } from "../suites/scratch.ts";

suite("clients that are many or mean no good", { skip: cannotLive }, () => {
  let host: ApiMachine;
  before(async () => {
    host = await apiMachine("overlay2");
    await host.run("echo hello; sleep 1000", {}, "rr");
  });
  after(async () => {
    await host.ask("/containers/rr?force=1", { method: "DELETE" });
    await host[Symbol.asyncDispose]();
  });

  const open = (request: string, more = ""): Socket => {
    const socket = connect(host.socket);
    socket.on("error", () => undefined);
    socket.write(`${request} HTTP/1.1\r\nHost: x\r\n${more}\r\n`);
    return socket;
  };
  /** Descriptors of this process, which is daemon and clients, and what it has set its mind on. */
  const held = (): number[] => [
    readdirSync("/proc/self/fd").length,
    process.getActiveResourcesInfo().filter((what) => what === "Timeout").length,
    host.daemon.events.listeners,
  ];

  for (const [crowd, request] of [
    [500, "POST /containers/rr/wait"],
    [500, "GET /events"],
    [500, "GET /containers/rr/logs?stdout=1&follow=1"],
    [50, "GET /containers/rr/stats"],
  ] as const) {
    test(`B178 B183 ${crowd} at once of ${request}, and all leave`, { timeout: 120_000 }, async () => {
      await host.ask("/_ping");
      const before = held();
      const sockets = Array.from({ length: crowd }, () => open(request));
      await Promise.all(sockets.map((socket) => once(socket, "readable")));
      assert.equal((await host.ask("/_ping")).status, 200);
      for (const socket of sockets) socket.destroy();
      // As long as it takes. The first watch of a file costs one descriptor for good.
      while (held().some((count, at) => count > (before[at] ?? 0) + 2)) await host.ask("/_ping");
      assert.equal(host.daemon.events.listeners, before[2]);
    });
  }

  test("a JSON body without end is refused after what a body may have", async () => {
    const head = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    const socket = open("POST /containers/create", head).setMaxListeners(0);
    const answer = text(socket);
    const chunk = Buffer.from(`100000\r\n${" ".repeat(1 << 20)}\r\n`);
    let sent = 0;
    for (; sent < 1024 && !socket.closed; sent++)
      if (!socket.write(chunk)) await Promise.race([once(socket, "drain"), once(socket, "close")]);
    assert.match(await answer, /^HTTP\/1\.1 413 .*"the body of the request has more than 4194304 bytes"/s);
    assert.ok(sent < 200, `${sent} MiB were taken`);
  });

  test("a client that never reads costs no memory: export, archive, logs", { skip: unlessAll }, async () => {
    const size = 100 << 20;
    await host.run(`head -c ${size} /dev/urandom | tee /big | od | head -c ${size}; sleep 1000`, {}, "big");
    while ((await host.ask("/containers/big/logs?stdout=1&tail=1")).bytes.length === 0);
    const before = process.memoryUsage().rss;
    const paths = ["export", "archive?path=/big", "logs?stdout=1&follow=1"];
    const deaf = paths.flatMap((path) =>
      Array.from({ length: 10 }, () => open(`GET /containers/big/${path}`).pause()),
    );
    for (let round = 0; round < 200; round++) assert.equal((await host.ask("/_ping")).status, 200);
    const grown = process.memoryUsage().rss - before;
    for (const socket of deaf) socket.destroy();
    await host.expect(204, "DELETE", "/containers/big?force=1");
    assert.ok(grown < size, `${grown} bytes more`);
  });
});
