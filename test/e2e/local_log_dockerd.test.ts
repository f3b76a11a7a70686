/** Logs of the driver `local`: written here and read by dockerd, and the other way round, on one root. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openEngine } from "../../src/engine/index.ts";
import { LiveContainers } from "../../src/engine/live/live_containers.ts";
import { dockerdSkip, startDockerd } from "../suites/dockerd.ts";
import { scratch, unlessAll } from "../suites/scratch.ts";
import { makeContainer, signal } from "../support/engine_fixture.ts";
import { cannotLive, endAll, importBase } from "../support/live_machine.ts";

const skip = cannotLive || dockerdSkip || unlessAll;
const options = ["--log-driver", "local", "--log-opt", "max-size=1k", "--log-opt", "max-file=9"];
/** Each line by itself, so that files are exchanged. */
const script = "for i in $(seq 60); do echo line $i; usleep 1000; done; printf last";
const expected = `${Array.from({ length: 60 }, (_, index) => `line ${index + 1}\n`).join("")}last`;

test("B178 a local log is the same to dockerd and to us, whoever wrote it", { skip }, async () => {
  using place = scratch("local-log");
  const root = join(place.path, "root");
  const engine = await openEngine({ root, driver: "overlay2" });
  const host = { engine, root, [Symbol.dispose]: () => undefined };
  const image = await importBase(host);
  try {
    const LogConfig = { Type: "local", Config: { "max-size": "1k", "max-file": "9" } };
    const { ID } = await makeContainer(host, image, {
      name: "ours",
      config: { Cmd: ["sh", "-c", script] },
      hostConfig: { LogConfig },
    });
    {
      await using live = new LiveContainers({ store: engine.store });
      const exit = live.wait(ID, "next-exit", signal);
      await live.start(ID);
      await exit;
    }
    const names = readdirSync(join(root, "containers", ID, "local-logs"));
    assert.equal(names.length > 1, true);
    {
      await using dockerd = await startDockerd(place.path, "overlay2");
      assert.equal(dockerd.docker("logs", "ours"), expected);
      assert.equal(dockerd.docker("logs", "--tail", "2", "ours"), "line 60\nlast");
      dockerd.docker(
        "run",
        "--name",
        "theirs",
        "--network",
        "none",
        ...options,
        "base:1",
        "sh",
        "-c",
        script,
      );
    }
    const logs = await engine.containers.logs("theirs", { streams: ["stdout"] });
    let read = "";
    for await (const records of logs) for (const { bytes } of records) read += Buffer.from(bytes).toString();
    assert.equal(read, expected);
  } finally {
    endAll(root);
  }
});
