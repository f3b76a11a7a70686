/** Running containers and those who are attached to them, or wait for them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection } from "node:net";
import type { Duplex } from "node:stream";
import { after, before, suite, test } from "node:test";
import { buffer } from "node:stream/consumers";
import { apiMachine, type ApiMachine } from "../../../../test/support/api_machine.ts";
import { overlaySkip } from "../../../../test/suites/overlay_skip.ts";
import { cannotRun } from "../../../runtime/container_fixture.ts";
import { frame } from "../../http/index.ts";

const both = "stream=1&stdin=1&stdout=1&stderr=1";
const input = { OpenStdin: true, StdinOnce: true };

suite("B178 running containers", { skip: cannotRun || overlaySkip }, () => {
  let host: ApiMachine;
  before(async () => void (host = await apiMachine("overlay2")));
  after(async () => {
    const all = (await host.ask("/containers/json?all=1")).json<{ Id: string }[]>();
    for (const { Id } of all) await host.ask(`/containers/${Id}?force=1`, { method: "DELETE" });
    await host[Symbol.asyncDispose]();
  });

  const wait = async (id: string, condition = ""): Promise<unknown> =>
    (await host.expect(200, "POST", `/containers/${id}/wait?condition=${condition}`)).json();
  const created = (script: string, body: object = {}): Promise<string> =>
    host.create({ Cmd: ["sh", "-c", script], HostConfig: { NetworkMode: "none" }, ...body });
  const start = (id: string) => host.expect(204, "POST", `/containers/${id}/start`);

  /** Resolves as soon as the container has printed `part`. */
  function seen(connection: Duplex, part: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let text = "";
      const take = (chunk: Buffer): void => {
        text += chunk.toString("latin1");
        if (!text.includes(part)) return;
        connection.off("data", take);
        resolve(text);
      };
      connection.on("data", take);
      connection.once("close", () => reject(new Error(`no ${part} in ${text}`)));
    });
  }

  test("B178 attach: output in frames, input to its end, both after an upgrade and without", async () => {
    const script = "read x; echo got $x; cat >&2; exit 3";
    const id = await created(script, input);
    const { status, headers, connection } = await host.hijack(`/v1.42/containers/${id}/attach?${both}`);
    assert.deepEqual([status, headers["content-type"]], [101, "application/vnd.docker.multiplexed-stream"]);
    const ended = wait(id, "next-exit");
    await start(id);
    connection.end("one\ntwo\n");
    const frames = [frame("stdout", Buffer.from("got one\n")), frame("stderr", Buffer.from("two\n"))];
    // Which of the two streams is read first nobody says.
    assert.deepEqual(sortedFrames(await buffer(connection)), sortedFrames(Buffer.concat(frames)));
    assert.deepEqual(await ended, { StatusCode: 3 });
    const second = await created(script, input);
    const socket = createConnection(host.socket);
    socket.write(`POST /v1.41/containers/${second}/attach?${both} HTTP/1.1\r\nHost: docker\r\n\r\n`);
    const head = await seen(socket, "\r\n\r\n");
    assert.match(head, /^HTTP\/1.1 200 OK\r\nContent-Type: application\/vnd.docker.raw-stream\r\n/);
    await start(second);
    socket.end("one\ntwo\n");
    assert.deepEqual(sortedFrames(await buffer(socket)), sortedFrames(Buffer.concat(frames)));
    assert.deepEqual(await wait(second), { StatusCode: 3 });
  });

  const asking = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
  const early: readonly [head: string, written: string, input: string][] = [
    ["", "early\n", "early\n"],
    ["Content-Length: 0\r\n", "GET /_ping HTTP/1.1\r\n\r\n", "GET /_ping HTTP/1.1\r\n\r\n"],
    // A body of JSON, as dockerode sends it.
    ["Content-Length: 8\r\n", '{"a": 1}early\n', "early\n"],
    ["Transfer-Encoding: chunked\r\n", "6\r\nearly\n\r\n0\r\n\r\n", "early\n"],
    [asking, "early\n", "early\n"],
    [`${asking}Content-Length: 8\r\n`, '{"a": 1}early\n', "early\n"],
    [`${asking}Transfer-Encoding: chunked\r\n`, "6\r\nearly\n\r\n0\r\n\r\nmore\n", "early\nmore\n"],
  ];
  for (const [head, written, expected] of early) {
    test(`B178 attach: input in one packet with the head ${JSON.stringify(head)}`, async () => {
      const id = await created("cat", input);
      const socket = createConnection(host.socket);
      socket.end(
        `POST /v1.41/containers/${id}/attach?${both} HTTP/1.1\r\nHost: docker\r\n${head}\r\n${written}`,
      );
      const status = head.startsWith(asking) ? "101 UPGRADED" : "200 OK";
      assert.match(await seen(socket, "\r\n\r\n"), new RegExp(`^HTTP/1.1 ${status}\r\n`));
      const [output] = await Promise.all([buffer(socket), start(id)]);
      let text = "";
      for (let at = 0; at < output.length; at += 8 + output.readUInt32BE(at + 4))
        text += output.toString("latin1", at + 8, at + 8 + output.readUInt32BE(at + 4));
      assert.equal(text, expected);
      assert.deepEqual(await wait(id), { StatusCode: 0 });
    });
  }

  function sortedFrames(bytes: Buffer): string[] {
    const all: string[] = [];
    for (let at = 0; at < bytes.length; at += 8 + bytes.readUInt32BE(at + 4))
      all.push(`${bytes[at]} ${bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at + 4)).toString()}`);
    return all.sort();
  }

  test("B178 attach to a terminal: raw, and left by keys", async () => {
    const id = await created("echo ready; cat", { Tty: true, OpenStdin: true });
    const { headers, connection } = await host.hijack(
      `/v1.50/containers/${id}/attach?${both}&detachKeys=${encodeURIComponent("ctrl-a,x")}`,
    );
    assert.equal(headers["content-type"], "application/vnd.docker.raw-stream");
    const ready = seen(connection, "ready\r\n");
    await start(id);
    await ready;
    connection.write("hello\n");
    await seen(connection, "hello\r\nhello\r\n");
    connection.resume();
    connection.write("\x01x");
    await once(connection, "end");
    assert.deepEqual(host.events().slice(-1), [`container detach ${id}`]);
    const { State } = (await host.expect(200, "GET", `/containers/${id}/json`)).json<{
      State: { Running: boolean };
    }>();
    assert.equal(State.Running, true);
    await host.expect(204, "DELETE", `/containers/${id}?force=1`);
  });

  test("B178 attach to a web socket, and what was printed before", async () => {
    const id = await host.run("echo early; read x; echo got $x", input);
    const first = await host.hijack(`/containers/${id}/attach?stream=1&logs=1&stdout=1`);
    await seen(first.connection, "early\n");
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    };
    const answer = await host.hijack(`/containers/${id}/attach/ws?stream=1&logs=1&stdin=1&stdout=1`, headers);
    const { connection } = answer;
    assert.deepEqual(
      [answer.status, answer.headers["sec-websocket-accept"]],
      [101, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
    );
    await seen(connection, "\x82\x06early\n");
    // "in" and a line feed, masked with zeros.
    connection.write(Buffer.from("\x82\x83\0\0\0\0in\n", "latin1"));
    const end = "\x82\x07got in\n\x88\x02\x03\xe8";
    await seen(connection, end);
    first.connection.destroy();
    connection.destroy();
    assert.deepEqual(await wait(id), { StatusCode: 0 });
    const refused = await host.expect(400, "GET", `/containers/${id}/attach/ws`);
    assert.equal(refused.json()["message"], "not websocket protocol");
  });

  test("B178 who cannot be attached to", async () => {
    const id = await host.run("sleep 100", {}, "paused");
    await host.expect(204, "POST", "/containers/paused/pause");
    const [row] = (await host.ask("/containers/json?filters={%22status%22:[%22paused%22]}")).json<
      Record<string, string>[]
    >();
    assert.match(row?.["Status"] ?? "", /^Up .* \(Paused\)$/);
    assert.equal((await host.hijack("/containers/paused/attach")).status, 409);
    const message = `container ${id} is paused, unpause the container before attach`;
    assert.deepEqual((await host.expect(409, "POST", "/containers/paused/attach")).json(), { message });
    assert.equal((await host.hijack("/containers/nope/attach")).status, 404);
    assert.deepEqual((await host.expect(409, "POST", "/containers/paused/start")).json(), {
      message: "cannot start a paused container, try unpause instead",
    });
    const keys = await host.expect(400, "POST", "/containers/paused/attach?detachKeys=ctrl-A,ab");
    assert.deepEqual(keys.json(), { message: "Invalid detach keys (ctrl-A,ab) provided" });
    for (const [size, words] of [
      ["w=80", '"": invalid syntax'],
      ["h=24", '"": invalid syntax'],
      ["h=x&w=1", '"x": invalid syntax'],
      ["h=1&w=-1", '"-1": value out of range'],
      ["h=4294967296&w=1", '"4294967296": value out of range'],
    ]) {
      const answer = await host.expect(400, "POST", `/containers/paused/resize?${size}`);
      assert.deepEqual(answer.json(), { message: `strconv.Atoi: parsing ${words}` });
    }
    await host.expect(204, "DELETE", `/containers/${id}?force=1`);
  });

  test("B178 a client that never reads costs no memory, and others see all", async () => {
    const size = 24 << 20;
    const HostConfig = { NetworkMode: "none", LogConfig: { Type: "none" } };
    const id = await created(`head -c ${size} /dev/zero`, { HostConfig });
    const deaf = await host.hijack(`/containers/${id}/attach?stream=1&stdout=1`);
    deaf.connection.pause();
    const before = process.memoryUsage();
    await start(id);
    const held = await stalled(
      () => host.daemon.live.find(id).then(({ State }) => State.Running),
      deaf.connection,
    );
    assert.equal(held, true);
    const now = process.memoryUsage();
    const grown = now.external - before.external + now.heapUsed - before.heapUsed;
    assert.ok(grown < size / 2, `${grown} bytes more`);
    deaf.connection.destroy();
    assert.deepEqual(await wait(id), { StatusCode: 0 });
  });

  /** Whether the container runs on when its reader is full and the daemon has had its turn many times. */
  async function stalled(runs: () => Promise<boolean>, reader: Duplex): Promise<boolean> {
    while (reader.readableLength < reader.readableHighWaterMark) await host.ask("/_ping");
    for (let i = 0; i < 20; i++) await host.ask("/_ping");
    return runs();
  }

  test("B178 wait: conditions, 500 at once, and those who leave", async () => {
    const id = await created("read x; exit 7", input);
    assert.match(
      (await host.expect(400, "POST", `/containers/${id}/wait?condition=x`)).text,
      /invalid condition: ..x/,
    );
    await host.expect(404, "POST", "/containers/nope/wait");
    assert.deepEqual(await wait(id), { StatusCode: 0 });
    const gone = new AbortController();
    const left = host.ask(`/containers/${id}/wait?condition=next-exit`, {
      method: "POST",
      signal: gone.signal,
    });
    const waiting = Array.from({ length: 500 }, (_, i) => wait(id, i % 2 === 0 ? "next-exit" : "removed"));
    const { connection } = await host.hijack(`/containers/${id}/attach?${both}`);
    await start(id);
    gone.abort();
    await assert.rejects(left);
    connection.end("go\n");
    assert.deepEqual(await waiting[0], { StatusCode: 7 });
    await host.expect(204, "DELETE", `/containers/${id}`);
    assert.deepEqual(
      new Set((await Promise.all(waiting)).map((each) => JSON.stringify(each))),
      new Set(['{"StatusCode":7}']),
    );
  });

  test("B178 options reach the container", async () => {
    const HostConfig = {
      NetworkMode: "none",
      Init: true,
      ReadonlyRootfs: true,
      Tmpfs: { "/t": "size=64k" },
      GroupAdd: ["26"],
      Ulimits: [{ Name: "nofile", Soft: 77, Hard: 88 }],
      Sysctls: { "kernel.msgmax": "4242" },
      SecurityOpt: ["no-new-privileges"],
      MaskedPaths: [],
      Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/nil" }],
      CapDrop: ["ALL"],
    };
    const script = [
      "ulimit -n; ulimit -Hn; cat /proc/sys/kernel/msgmax; id -G; hostname; cat /proc/sys/kernel/domainname",
      "grep -c ' /t tmpfs' /proc/mounts; touch /x 2>/dev/null || echo ro; [ -c /dev/nil ] && echo device",
      "grep -E 'NoNewPrivs|CapBnd' /proc/self/status; tr '\\0' ' ' < /proc/1/cmdline; grep -c /proc/kcore /proc/mounts",
    ].join(";");
    const id = await created(script, { HostConfig, Hostname: "box", Domainname: "example", User: "jo" });
    const { connection } = await host.hijack(`/containers/${id}/attach?stream=1&stdout=1&stderr=1`);
    const output = buffer(connection);
    await start(id);
    const text = sortedOutput(await output);
    assert.match(
      text,
      /^77\n88\n4242\n1001 26\nbox\nexample\n1\nro\ndevice\nCapBnd:\s0+\nNoNewPrivs:\s1\n\/sbin\/docker-init -- sh -c .*0\n$/s,
    );
  });

  function sortedOutput(bytes: Buffer): string {
    const parts: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 8 + bytes.readUInt32BE(at + 4))
      parts.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at + 4)));
    return Buffer.concat(parts).toString();
  }

  test("B178 namespaces of another container", async () => {
    const shared = { Hostname: "shared", HostConfig: { IpcMode: "shareable" } };
    const first = await host.run("sleep 100", shared, "first");
    const HostConfig = {
      NetworkMode: "container:first",
      PidMode: "container:first",
      IpcMode: "container:first",
    };
    const same = (kind: string): string =>
      `[ $(readlink /proc/self/ns/${kind}) = $(readlink /proc/1/ns/${kind}) ]`;
    const id = await created(`${same("net")} && ${same("ipc")} && ${same("pid")} && hostname`, {
      HostConfig,
    });
    const { connection } = await host.hijack(`/containers/${id}/attach?stream=1&stdout=1&stderr=1`);
    const output = buffer(connection);
    await host.expect(204, "POST", `/containers/${first}/rename?name=another`);
    const shown = (await host.ask(`/containers/${id}/json`)).json()["HostConfig"] as Record<string, unknown>;
    for (const key of Object.keys(HostConfig)) assert.equal(shown[key], `container:${first}`);
    await start(id);
    assert.equal(sortedOutput(await output), "shared\n");
    await host.run("sleep 100", { HostConfig: { NetworkMode: `container:${first}` } }, "middle");
    const third = await created("hostname", { HostConfig: { NetworkMode: "container:middle" } });
    const hijacked = await host.hijack(`/containers/${third}/attach?stream=1&stdout=1&stderr=1`);
    const printed = buffer(hijacked.connection);
    await start(third);
    assert.equal(sortedOutput(await printed), "shared\n");
    for (const each of ["middle", first]) await host.expect(204, "DELETE", `/containers/${each}?force=1`);
    for (const [mode, message] of [
      [{ NetworkMode: "container:gone" }, "No such container: gone"],
      [{ NetworkMode: `container:${id}` }, `cannot join network of a non running container: ${id}`],
      [{ PidMode: `container:${id}`, NetworkMode: "none" }, `container ${id} is not running`],
    ] as const) {
      const other = await created("true", { HostConfig: mode });
      const answer = await host.ask(`/containers/${other}/start`, { method: "POST" });
      assert.equal(answer.json()["message"], message);
    }
  });
});
