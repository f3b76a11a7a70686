/** SIGTERM while clients are at all that lasts. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { test } from "node:test";
import { sampleLayer } from "../fixtures/sample_image.ts";
import { killableDaemon, tracesOf, type KillableDaemon } from "../support/killable_daemon.ts";
import { cannotLive } from "../support/live_machine.ts";
import { bundle } from "./support.ts";

interface Held {
  readonly stream: IncomingMessage | Socket;
  /** Its end, whatever that is. */
  readonly closed: Promise<unknown>;
}

/** Asks for what lasts; resolves when the answer has begun. */
async function hold(
  daemon: KillableDaemon,
  method: string,
  path: string,
  body?: object | Uint8Array,
): Promise<Held> {
  const client = request({
    socketPath: daemon.socket,
    method,
    path: `/v1.41${path}`,
    agent: false,
    headers: {
      ...(path.includes("attach") || path.includes("/exec/")
        ? { Connection: "Upgrade", Upgrade: "tcp" }
        : {}),
      "Content-Type": body instanceof Uint8Array ? "application/x-tar" : "application/json",
    },
  });
  const answered = Promise.race([
    once(client, "response").then(([message]) => message as IncomingMessage),
    once(client, "upgrade").then(([, socket]) => socket as Socket),
  ]);
  client.end(body instanceof Uint8Array ? body : JSON.stringify(body));
  const stream = await answered;
  stream.on("error", () => undefined);
  return { stream, closed: new Promise((resolve) => stream.once("close", resolve)) };
}

async function drained({ stream, closed }: Held): Promise<void> {
  stream.resume();
  await closed;
}

/** Resolves once it has said the words, in however many pieces. @throws with all that it said if it ends before */
function heard({ stream, closed }: Held, words: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = "";
    // It listens on: of pieces that come together, a listener for one would lose the others.
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (text.includes(words)) resolve();
    });
    void closed.then(() => reject(new Error(`it ended and said ${text}`)));
  });
}

test(
  "SIGTERM ends the daemon, whoever is at it; containers live on, and are attached to again",
  { skip: cannotLive, timeout: 120_000 },
  async () => {
    await using daemon = await killableDaemon([process.execPath, bundle]);
    const { Id } = await daemon.must<{ Id: string }>("POST", "/containers/create", {
      Image: "base:1",
      OpenStdin: true,
      Cmd: ["sh", "-c", "while read -r line; do echo got $line; done; exit 6"],
      HostConfig: { NetworkMode: "none" },
    });
    await daemon.must("POST", `/containers/${Id}/start`);
    const attach = `/containers/${Id}/attach?stream=1&stdin=1&stdout=1&stderr=1`;
    const attached = await hold(daemon, "POST", attach);
    const said = heard(attached, "got one\n");
    (attached.stream as Socket).write("one\n");
    await said;
    const exec = await daemon.must<{ Id: string }>("POST", `/containers/${Id}/exec`, {
      AttachStdout: true,
      Cmd: ["sh", "-c", "echo inside; sleep 1000"],
    });
    const context = await sampleLayer({ Dockerfile: "FROM base:1\nRUN echo building; sleep 1000\n" });
    const building = await hold(daemon, "POST", "/build?networkmode=none", context.tar);
    const others = await Promise.all([
      hold(daemon, "GET", `/containers/${Id}/logs?follow=1&stdout=1&stderr=1`),
      hold(daemon, "GET", `/containers/${Id}/stats`),
      hold(daemon, "POST", `/exec/${exec.Id}/start`, {}),
      hold(daemon, "GET", "/events?since=1"),
      hold(daemon, "POST", `/containers/${Id}/wait`),
    ]);
    await heard(building, "building\\n");
    const { State: before } = await daemon.must<{ State: { Pid: number } }>("GET", `/containers/${Id}/json`);
    assert.equal(await daemon.terminate(), 0);
    await Promise.all([attached, building, ...others].map(drained));
    assert.equal(existsSync(`/proc/${before.Pid}`), true);

    await daemon.start();
    const again = await hold(daemon, "POST", attach);
    const answer = heard(again, "got two\n");
    (again.stream as Socket).write("two\n");
    await answer;
    await daemon.must("DELETE", `/containers/${Id}?force=1`);
    await drained(again);
    await daemon.must("POST", "/build/prune?all=1");
    assert.equal(await daemon.terminate(), 0);
    const left = tracesOf(daemon.root, [Id]).filter((line) =>
      /^(process|mount|fifo|varve\/run|containers|\/sys)/.test(line),
    );
    assert.deepEqual(left, []);
  },
);
