/** Clients that never read, send too much or go away: the daemon's memory is bounded, and nothing of them stays. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { killableDaemon, tracesOf, type KillableDaemon } from "../support/killable_daemon.ts";
import { cannotLive } from "../support/live_machine.ts";
import { bundle } from "./support.ts";

const MiB = 1 << 20;

/** Connections and files of the root that the daemon has open; what it opens once for all is not among them. */
const open = (daemon: KillableDaemon): string[] =>
  readdirSync(`/proc/${daemon.child.pid}/fd`).filter((fd) => {
    try {
      const to = readlinkSync(`/proc/${daemon.child.pid}/fd/${fd}`);
      return to.startsWith("socket:") || to.startsWith(`${daemon.root}/`);
    } catch {
      return false;
    }
  });

/** The most that the daemon has had in memory, in bytes. */
function peak(daemon: KillableDaemon): number {
  const status = readFileSync(`/proc/${daemon.child.pid}/status`, "latin1");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** Asks and never reads the answer, which has begun when this resolves. */
async function deaf(daemon: KillableDaemon, head: string): Promise<Socket> {
  const socket = connect({ path: daemon.socket, allowHalfOpen: true });
  socket.on("error", () => undefined);
  socket.pause();
  socket.write(
    `${head} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n`,
  );
  await once(socket, "readable");
  return socket;
}

/** Sends a body of a size that never ends well. @returns the status line, "" when the connection was just closed */
async function oversized(daemon: KillableDaemon, path: string, bytes: number): Promise<string> {
  const socket = connect(daemon.socket);
  const answer: string[] = [];
  socket.on("error", () => undefined).on("data", (chunk) => answer.push(chunk.toString("latin1")));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  const head = `POST ${path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nConnection: close\r\n`;
  socket.write(`${head}Content-Length: ${bytes}\r\n\r\n{"Image":"`);
  const block = Buffer.alloc(MiB, "x");
  for (let sent = 0; sent < bytes && !socket.destroyed && answer.length === 0; sent += block.length)
    if (!socket.write(block)) await Promise.race([once(socket, "drain"), closed]).catch(() => undefined);
  socket.end();
  await closed;
  return answer.join("").split("\r\n")[0] as string;
}

test(
  "clients that never read, send too much or go away",
  { skip: cannotLive, timeout: 120_000 },
  async (t) => {
    await using daemon = await killableDaemon([process.execPath, bundle]);
    const create = async (script: string): Promise<string> => {
      const { Id } = await daemon.must<{ Id: string }>("POST", "/containers/create", {
        Image: "base:1",
        OpenStdin: true,
        Cmd: ["sh", "-c", script],
        HostConfig: { NetworkMode: "none" },
      });
      await daemon.must("POST", `/containers/${Id}/start`);
      return Id;
    };
    const calm = await create("head -c 4000000 /dev/zero | tr '\\0' 'a\\n'; cat");
    const mad = await create("read -r line; yes | head -c 4000000; cat");
    const heads = [
      `POST /v1.41/containers/${calm}/attach?logs=1&stream=1&stdout=1`,
      `POST /v1.41/containers/${mad}/attach?stream=1&stdin=1&stdout=1`,
      `GET /v1.41/containers/${calm}/logs?follow=1&stdout=1`,
      `GET /v1.41/containers/${calm}/export`,
      `GET /v1.41/containers/${calm}/archive?path=/bin`,
      `GET /v1.41/containers/${calm}/stats`,
      `GET /v1.41/events?since=1`,
      `POST /v1.41/containers/${calm}/wait`,
    ];
    const before = peak(daemon);
    const fds = open(daemon).length;
    const clients: Socket[] = [];
    for (let round = 0; round < 4; round++)
      clients.push(...(await Promise.all(heads.map((head) => deaf(daemon, head)))));
    clients[1]?.write("go\n");
    // Others are served meanwhile.
    for (let index = 0; index < 50; index++) await daemon.must("GET", "/containers/json");
    const answers = [
      await oversized(daemon, "/v1.41/containers/create", 64 * MiB),
      await oversized(daemon, "/v1.41/networks/create", 64 * MiB),
      await oversized(daemon, `/v1.41/containers/${calm}/exec`, 64 * MiB),
    ];
    t.diagnostic(`${answers.join(", ")}; ${Math.round((peak(daemon) - before) / MiB)} MiB more`);
    for (const answer of answers) assert.match(answer, /^(HTTP\/1\.1 4\d\d .*)?$/);
    assert.ok(peak(daemon) - before < 200 * MiB, `${peak(daemon) - before} bytes more`);
    for (const client of clients) client.destroy();
    while (open(daemon).length > fds) await daemon.must("GET", "/_ping").catch(() => undefined);
    for (const id of [calm, mad]) await daemon.must("DELETE", `/containers/${id}?force=1`);
    assert.equal(await daemon.terminate(), 0);
    const left = tracesOf(daemon.root, [calm, mad]).filter((line) =>
      /^(process|mount|fifo|varve\/run|containers|\/sys)/.test(line),
    );
    assert.deepEqual(left, []);
  },
);
