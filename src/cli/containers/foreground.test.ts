import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { Failure } from "../../errors.ts";
import type { App } from "../app.ts";
import type { EngineClient } from "../engine_client/index.ts";
import { inForeground } from "./foreground.ts";

function given(waiting: () => Promise<PassThrough>) {
  const connection = new PassThrough();
  const client = {
    hijack: async () => connection,
    stream: waiting,
    // Nothing but what a handler of an API would be asked for.
  } as unknown as EngineClient;
  const output = new PassThrough().resume();
  const app = { stdin: new PassThrough(), stdout: output, stderr: output } as unknown as App;
  const options = {
    container: "web",
    terminal: false,
    attached: { stdin: false, stdout: true, stderr: true },
    detachKeys: undefined,
    proxySignals: false,
    until: "not-running",
  } as const;
  return { connection, run: () => inForeground(app, client, options) };
}

// What stays open keeps the process alive.
test("a daemon that tells of no end is let go", async () => {
  const { connection, run } = given(() => Promise.reject(new Failure("not-found", "No such container: web")));
  await assert.rejects(run(), { kind: "not-found" });
  assert.ok(connection.destroyed);
});

test("a connection that breaks ends the wait, too", async () => {
  const waiting = new PassThrough();
  const { connection, run } = given(async () => waiting);
  const running = run();
  connection.destroy(Object.assign(new Error("broken"), { code: "EIO" }));
  await assert.rejects(running, { kind: "unavailable" });
  assert.ok(waiting.destroyed);
});
