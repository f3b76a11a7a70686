import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { proxiedSignals, proxySignals } from "./signal_proxy.ts";

test("signals reach the container in place of this process", async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const proxy = proxySignals(resolve);
  // By default this would end the process.
  process.kill(process.pid, "SIGUSR2");
  assert.equal(await promise, constants.signals.SIGUSR2);
  proxy[Symbol.dispose]();
});

test("afterwards nothing listens any more", () => {
  const before = proxiedSignals.map((name) => process.listenerCount(name));
  proxySignals(() => undefined)[Symbol.dispose]();
  assert.deepEqual(
    proxiedSignals.map((name) => process.listenerCount(name)),
    before,
  );
});

test("those that Docker keeps to itself are kept", () => {
  for (const name of ["SIGCHLD", "SIGPIPE", "SIGURG", "SIGKILL", "SIGSTOP"] as const)
    assert.ok(!proxiedSignals.includes(name), name);
  for (const name of ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGWINCH", "SIGCONT"] as const)
    assert.ok(proxiedSignals.includes(name), name);
});

test("exceptions are left to others", () => {
  const before = process.listenerCount("SIGWINCH");
  const proxy = proxySignals(() => undefined, ["SIGWINCH"]);
  assert.equal(process.listenerCount("SIGWINCH"), before);
  proxy[Symbol.dispose]();
});
