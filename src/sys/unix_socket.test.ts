import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

const skip = unlessLinux;

/** A child that opens a terminal, sets its name as data, and hands over the master: what runc does. */
const sender = `
import array, os, socket, sys
master, _ = os.openpty()
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendmsg([os.ttyname(_).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [master]))])
`;
const python = ["/usr/bin/python3", "/usr/local/bin/python3"].find((path) => existsSync(path));

test(
  "receiveFd takes over a terminal whose size can be set and read",
  { skip: skip || (python === undefined && "needs python3 to send a descriptor") },
  async () => {
    using dir = scratch("sock");
    using listener = sys.listenUnix(join(dir.path, "s"));
    const child = spawn(python as string, ["-c", sender, join(dir.path, "s")], { stdio: "inherit" });
    const signal = AbortSignal.timeout(20_000);
    const connection = await listener.accept(signal);
    const terminal = await sys.receiveFd(connection, signal);
    sys.setTerminalSize(terminal, { rows: 31, columns: 97 });
    assert.deepEqual(sys.getTerminalSize(terminal), { rows: 31, columns: 97 });
    const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${terminal}`, "latin1"))?.[1];
    assert.equal(Number.parseInt(flags as string, 8) & sys.O_CLOEXEC, sys.O_CLOEXEC);
    sys.close(terminal);
    sys.close(connection);
    if (child.exitCode === null) await once(child, "close");
    assert.equal(child.exitCode, 0);
  },
);

test("a peer that sends bytes but no descriptor, or hangs up, is an error", { skip }, async () => {
  using dir = scratch("sock");
  const path = join(dir.path, "s");
  using listener = sys.listenUnix(path);
  const signal = AbortSignal.timeout(20_000);
  for (const text of ["hello", ""]) {
    connect(path).end(text);
    const connection = await listener.accept(signal);
    await assert.rejects(sys.receiveFd(connection, signal), { kind: "unavailable" });
    sys.close(connection);
  }
});

test(
  "accept can be cancelled; the name goes with the listener; long paths are refused",
  { skip },
  async () => {
    using dir = scratch("sock");
    const path = join(dir.path, "s");
    {
      using listener = sys.listenUnix(path);
      const controller = new AbortController();
      setImmediate(() => controller.abort());
      await assert.rejects(listener.accept(controller.signal), { kind: "cancelled" });
      assert.throws(() => sys.listenUnix(path), { code: "EADDRINUSE" });
      assert.ok(existsSync(path));
    }
    assert.equal(existsSync(path), false);
    assert.throws(() => sys.listenUnix(`/${"x".repeat(107)}`), { kind: "invalid" });
  },
);

test("only a terminal has a size", { skip }, () => {
  const fd = openSync("/dev/null", "r");
  assert.throws(() => sys.getTerminalSize(fd), { code: "ENOTTY" });
  sys.close(fd);
});
