import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { openLocks } from "./locks.ts";
import { openSession, readSessions, type SessionStore } from "./sessions.ts";

function storeAt(root: string): SessionStore {
  return { root, withLock: openLocks(join(root, "varve/locks")) };
}

suite("sessions", { skip: unlessLinux }, () => {
  test("what a living session claims is live, and nothing of it stays when it finishes", async () => {
    using root = scratch("sessions");
    const store = storeAt(root.path);
    const session = await openSession(store);
    await session.claim("a", "b");
    await session.claim("b", "c");
    await session.settle("a");
    assert.deepEqual([...session.claims], ["b", "c"]);
    // Read through another store, as another process would.
    assert.deepEqual([...(await readSessions(storeAt(root.path))).live], ["b", "c"]);
    await session.finish();
    assert.deepEqual(await readSessions(store), { live: new Set(), dead: [] });
    assert.equal(existsSync(session.directory), false);
  });

  test("an abandoned session is a dead one with its claims", async () => {
    using root = scratch("sessions");
    const store = storeAt(root.path);
    const session = await openSession(store);
    await session.claim("a");
    session.abandon();
    const { live, dead } = await readSessions(store);
    assert.deepEqual([...live], []);
    assert.deepEqual(dead, [{ directory: session.directory, claims: new Set(["a"]) }]);
  });

  test("one's own claims can be left out", async () => {
    using root = scratch("sessions");
    const store = storeAt(root.path);
    const [one, two] = [await openSession(store), await openSession(store)];
    await one.claim("mine");
    await two.claim("other");
    const { live, dead } = await readSessions(store, one);
    assert.deepEqual([[...live], dead], [["other"], []]);
    await Promise.all([one.finish(), two.finish()]);
  });

  test("a process that is killed leaves a dead session with all that it claimed", async () => {
    using root = scratch("sessions");
    const program = `
      import { openLocks } from ${JSON.stringify(join(import.meta.dirname, "locks.ts"))};
      import { openSession } from ${JSON.stringify(join(import.meta.dirname, "sessions.ts"))};
      const root = ${JSON.stringify(root.path)};
      const session = await openSession({ root, withLock: openLocks(root + "/varve/locks") });
      await session.claim("first", "second");
      await session.settle("first");
      console.log(session.directory);
      setInterval(() => undefined, 1000);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const store = storeAt(root.path);
    assert.deepEqual([...(await readSessions(store)).live], ["second"]);
    child.kill("SIGKILL");
    await once(child, "exit");
    const directory = line.toString().trim();
    assert.deepEqual(await readSessions(store), {
      live: new Set(),
      dead: [{ directory, claims: new Set(["second"]) }],
    });
    assert.equal(readFileSync(join(directory, "claims"), "utf8"), "+first\n+second\n-first\n");
  });
});
