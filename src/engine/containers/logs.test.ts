/** Logs of containers that nobody supervises, and of those that run. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, suite, test } from "node:test";
import { cannotLive, liveMachine, type LiveMachine } from "../../../test/support/live_machine.ts";
import { processEnd } from "../../../test/support/processes.ts";
import type { LogsOptions } from "./logs.ts";

suite("the logs of containers", { skip: cannotLive }, () => {
  let host: LiveMachine;
  before(async () => void (host = await liveMachine()));
  after(() => host[Symbol.dispose]());

  async function* lines(id: string, options: Partial<LogsOptions> = {}): AsyncGenerator<string> {
    const logs = await host.engine.containers.logs(id, { streams: ["stdout", "stderr"], ...options });
    for await (const records of logs) for (const { bytes } of records) yield Buffer.from(bytes).toString();
  }

  for (const driver of ["json-file", "local"]) {
    test(`what was printed while nobody supervised is in the log of ${driver} when that is found out`, async () => {
      const { ID } = await host.create(
        "echo begun; while [ ! -f /go ]; do sleep 0.05; done; seq 2000; exit 9",
        {
          hostConfig: { LogConfig: { Type: driver, Config: { "max-size": "2k", "max-file": "99" } } },
        },
      );
      {
        await using live = host.supervisor();
        await live.start(ID);
      }
      const { Pid } = host.record(ID).State;
      writeFileSync(`/proc/${Pid}/root/go`, "");
      await processEnd(Pid);
      const { State } = await host.engine.containers.inspect(ID);
      assert.equal((State as { readonly ExitCode: number }).ExitCode, 9);
      const expected = ["begun\n", ...Array.from({ length: 2000 }, (_, index) => `${index + 1}\n`)];
      assert.deepEqual(await Array.fromAsync(lines(ID)), expected);
      assert.deepEqual(await Array.fromAsync(lines(ID, { tail: 3 })), expected.slice(-3));
      assert.deepEqual(host.leftovers(), []);
      await host.engine.containers.remove(ID);
    });
  }

  test("whoever follows can leave, and is told when the container goes", async () => {
    await using live = host.supervisor();
    const { ID } = await host.create("echo up; trap 'exit 0' TERM; while :; do sleep 0.05; done");
    await live.start(ID);
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const line of lines(ID, { follow: true, signal: stop.signal })) {
      seen.push(line);
      stop.abort();
    }
    const following = lines(ID, { follow: true });
    seen.push(String((await following.next()).value));
    const end = following.next();
    await live.remove(ID, { force: true });
    assert.equal((await end).done, true);
    assert.deepEqual(seen, ["up\n", "up\n"]);
  });
});
