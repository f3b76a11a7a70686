import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { idleProgram } from "./idle_program.ts";

test(
  "it waits without an end, with next to no memory, and has the kernel reap",
  { skip: unlessLinux },
  async () => {
    using place = scratch("idle");
    const path = join(place.path, "idle");
    writeFileSync(path, idleProgram(), { mode: 0o755 });
    const child = spawn(path);
    try {
      const status = (): string => readFileSync(`/proc/${child.pid}/status`, "utf8");
      const ignoresChildren = (): boolean => {
        const mask = /^SigIgn:\s*(\w+)$/m.exec(status())?.[1] ?? "";
        return ((BigInt(`0x${mask}`) >> 16n) & 1n) === 1n;
      };
      while (!ignoresChildren() || !/^State:\sS/m.test(status())) await new Promise(setImmediate);
      const kilobytes = Number(/^VmSize:\s*(\d+) kB$/m.exec(status())?.[1]);
      assert.ok(kilobytes < 1024, `${kilobytes} kB`);
    } finally {
      child.kill("SIGKILL");
    }
  },
);

test("a file for each machine that there are containers on", () => {
  for (const [arch, machine] of Object.entries({ x64: 62, arm64: 183 })) {
    const file = idleProgram(arch);
    assert.equal(file.readUInt16LE(18), machine);
    // All of it is loaded, and begins behind the heads.
    assert.equal(file.readBigUInt64LE(64 + 32), BigInt(file.length));
    assert.equal(file.readBigUInt64LE(24) - file.readBigUInt64LE(64 + 16), 120n);
    // What SIGCHLD is set to lies on a multiple of eight.
    assert.equal((file.length - 32) % 8, 0);
  }
  assert.throws(() => idleProgram("mips"), { kind: "unsupported" });
});
