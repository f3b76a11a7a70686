/** Where a daemon listens, and who gets in. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { once } from "node:events";
import { test } from "node:test";
import { scratch, unlessLinux, unlessRoot } from "../../../test/suites/scratch.ts";
import {
  activatedSockets,
  closeServer,
  listen,
  parseHost,
  readTls,
  writePidfile,
  type Host,
} from "./index.ts";

const hosts: readonly [text: string, tls: boolean, host: Host | undefined][] = [
  ["unix:///run/v.sock", false, { kind: "unix", path: "/run/v.sock" }],
  ["unix://relative", false, undefined],
  ["tcp://", false, { kind: "tcp", name: "localhost", port: 2375 }],
  ["tcp://", true, { kind: "tcp", name: "localhost", port: 2376 }],
  ["tcp://h.example:1", false, { kind: "tcp", name: "h.example", port: 1 }],
  ["127.0.0.1:5", false, { kind: "tcp", name: "127.0.0.1", port: 5 }],
  [":5", false, { kind: "tcp", name: "localhost", port: 5 }],
  ["tcp://[::1]:5/", false, { kind: "tcp", name: "::1", port: 5 }],
  ["tcp://[nonsense]:5", false, undefined],
  ["tcp://h:70000", false, undefined],
  ["tcp://h/path", false, undefined],
  ["http://h", false, undefined],
  ["", false, undefined],
  ["fd://", false, { kind: "activated", name: "" }],
  ["fd://varve.socket", false, { kind: "activated", name: "varve.socket" }],
];
for (const [text, tls, host] of hosts) {
  test(`--host ${text}${tls ? " with TLS" : ""}`, () => {
    if (host !== undefined) assert.deepEqual(parseHost(text, tls), host);
    else
      assert.throws(() => parseHost(text, tls), { name: "Failure", message: /^unable to parse docker host/ });
  });
}

const open = { group: undefined, verified: false };

async function listening(
  path: string,
  settings: Parameters<typeof listen>[2] = open,
): Promise<AsyncDisposable> {
  const server = createServer();
  const close = closeServer(server);
  assert.equal(await listen(server, { kind: "unix", path }, settings), `unix://${path}`);
  return { [Symbol.asyncDispose]: close };
}

test("a socket is its owner's, or a group's", { skip: unlessRoot }, async () => {
  using directory = scratch("listen");
  const path = join(directory.path, "below/s");
  const first = await listening(path);
  assert.equal(fs.statSync(path).mode & 0o777, 0o600);
  await first[Symbol.asyncDispose]();
  await using undo = new AsyncDisposableStack();
  undo.use(await listening(path, { group: "12345", verified: false }));
  const { mode, gid } = fs.statSync(path);
  assert.deepEqual([mode & 0o777, gid], [0o660, 12345]);
  const other = listen(
    createServer(),
    { kind: "unix", path: `${path}2` },
    { group: "no-such-group", verified: false },
  );
  await assert.rejects(other, { message: "group no-such-group not found" });
  assert.equal(fs.existsSync(`${path}2`), false);
});

test("a socket that a killed daemon left is taken over; one that answers, and what is none, are not", async () => {
  using directory = scratch("listen");
  const [path, file] = [join(directory.path, "s"), join(directory.path, "file")];
  const left = `require("net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  spawnSync(process.execPath, ["-e", left]);
  assert.equal(fs.statSync(path).isSocket(), true);
  await using undo = new AsyncDisposableStack();
  undo.use(await listening(path));
  await assert.rejects(listening(path), { kind: "conflict", message: /a daemon answers there already$/ });
  fs.writeFileSync(file, "kept");
  await assert.rejects(listening(file), { kind: "conflict", message: /it exists, and is no socket$/ });
  assert.equal(fs.readFileSync(file, "utf8"), "kept");
});

test("TCP beyond the loopback needs clients with certificates", async () => {
  for (const name of ["0.0.0.0", "::", "192.0.2.1", "127.example"]) {
    const refused = listen(createServer(), { kind: "tcp", name, port: 0 }, open);
    await assert.rejects(refused, {
      kind: "denied",
      message: /without TLS anybody who can reach it is root here$/,
    });
  }
  const server = createServer();
  const close = closeServer(server);
  assert.match(
    await listen(server, { kind: "tcp", name: "127.0.0.1", port: 0 }, open),
    /^tcp:\/\/127\.0\.0\.1:\d+$/,
  );
  await close();
});

test("a server is closed whatever its connections have become", async () => {
  const server = createServer();
  const close = closeServer(server);
  server.on("upgrade", (_request, socket) => socket.write("HTTP/1.1 101 UPGRADED\r\n\r\n"));
  await listen(server, { kind: "tcp", name: "127.0.0.1", port: 0 }, open);
  const address = server.address() as { port: number };
  const client = connect(address.port, "127.0.0.1");
  client.write("POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
  await once(client, "data");
  await Promise.all([close(), once(client, "close")]);
  assert.equal(server.listening, false);
});

test("a pidfile of a process that runs is respected", { skip: unlessLinux }, () => {
  using directory = scratch("pidfile");
  const path = join(directory.path, "below/v.pid");
  const read = (): string => fs.readFileSync(path, "utf8");
  const first = writePidfile(path);
  assert.equal(read(), String(process.pid));
  first[Symbol.dispose]();
  assert.equal(fs.existsSync(path), false);
  // The process that runs this one.
  fs.writeFileSync(path, `${process.ppid}\n`);
  assert.throws(() => writePidfile(path), {
    kind: "conflict",
    message: `failed to start daemon, ensure docker is not running or delete ${path}: process with PID ${process.ppid} is still running`,
  });
  for (const stale of ["", "nonsense", "99999999"]) {
    fs.writeFileSync(path, stale);
    using file = writePidfile(path);
    assert.equal(read(), String(process.pid));
    fs.writeFileSync(path, "1");
    file[Symbol.dispose]();
    assert.equal(read(), "1");
  }
});

test("sockets that systemd has opened", { skip: unlessLinux }, async () => {
  const none = "no sockets found via socket activation: make sure the service was started by systemd";
  const ask = (name: string, environment: Record<string, string>) =>
    activatedSockets(name, { pid: 7, environment: { ...environment } });
  for (const environment of [
    {},
    { LISTEN_FDS: "1" },
    { LISTEN_PID: "8", LISTEN_FDS: "1" },
    { LISTEN_PID: "7" },
  ])
    assert.throws(() => ask("", environment as Record<string, string>), { message: none });
  const given = { LISTEN_PID: "7", LISTEN_FDS: "1", LISTEN_FDNAMES: "varve.socket" };
  assert.throws(() => ask("other", given), { message: /systemd gave no socket of that name$/ });
});

test("certificates are looked at before anything is opened", () => {
  using directory = scratch("tls");
  const at = (name: string): string => join(directory.path, name);
  fs.writeFileSync(at("nonsense"), "nonsense");
  const [cert, key] = [at("nonsense"), at("nonsense")];
  const pair = (of: string): RegExp => new RegExp(`^Could not load X509 key pair \\(cert: "${of}", key: `);
  assert.throws(() => readTls({ verify: true, cert: at("none"), key }), {
    name: "Failure",
    message: pair(at("none")),
  });
  assert.throws(() => readTls({ verify: false, cert, key }), { name: "Failure", message: pair(cert) });
});
