/** crictl, unmodified, against the server: from a pull to a removal. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { criMachine } from "../support/cri_machine.ts";
import { signal } from "../support/engine_fixture.ts";
import { cannotLive } from "../support/live_machine.ts";
import { serveRegistry } from "../../src/registry/index.ts";

const crictl = process.env["CRICTL"] ?? "crictl";
const missing =
  spawnSync(crictl, ["--version"]).status === 0 ? false : "crictl is not installed (or named by CRICTL)";

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

suite("crictl", { skip: cannotLive || missing, timeout: 120_000 }, () => {
  test("pull, run a sandbox with a container, exec, logs, stats, stop, remove", async () => {
    await using host = await criMachine("none");
    await using registry = await serveRegistry({ storage: "memory" });
    const image = `${registry.address}/base:1`;
    await host.daemon.engine.images.tag("base:1", image);
    await host.daemon.engine.images.push(image, { signal });
    await host.daemon.engine.images.remove("base:1");
    await host.daemon.engine.images.remove(image);

    const config = join(host.directory, "crictl.yaml");
    const endpoint = `unix://${host.socket}`;
    writeFileSync(config, `runtime-endpoint: ${endpoint}\nimage-endpoint: ${endpoint}\ntimeout: 30\n`);
    const run = (words: readonly string[], input = ""): Promise<Ran> =>
      new Promise((resolve) => {
        const child = execFile(crictl, ["-c", config, ...words], (error, stdout, stderr) =>
          resolve({ code: error === null ? 0 : 1, stdout, stderr }),
        );
        child.stdin?.end(input);
      });
    const out = async (...words: string[]): Promise<string> => {
      const { code, stdout, stderr } = await run(words);
      assert.equal(code, 0, `crictl ${words.join(" ")}: ${stderr}`);
      return stdout.trim();
    };
    const file = (name: string, content: object): string => {
      const path = join(host.directory, name);
      writeFileSync(path, JSON.stringify(content));
      return path;
    };

    await out("pull", image);
    assert.match(await out("images"), /base +1 /);
    const pod = file("pod.json", {
      metadata: { name: "web", namespace: "default", uid: "u1", attempt: 1 },
      log_directory: join(host.directory, "logs"),
      linux: {},
    });
    const container = file("container.json", {
      metadata: { name: "one" },
      image: { image },
      command: ["sh", "-c", "echo hello; sleep 1000"],
      log_path: "one.log",
      linux: {},
    });
    const podId = await out("runp", pod);
    const id = await out("create", podId, container, pod);
    await out("start", id);
    assert.equal(await out("pods", "-q"), podId);
    assert.equal(await out("ps", "-q"), id);
    while (!readFileSync(join(host.directory, "logs/one.log"), "utf8").includes("hello"))
      await new Promise((resolve) => void setTimeout(resolve, 20));
    assert.equal(await out("logs", id), "hello");
    assert.equal(await out("exec", "-s", id, "echo", "sync"), "sync");
    // What a config says nothing of is shared.
    assert.equal(await out("exec", "-s", id, "cat", "/proc/1/comm"), "init");
    for (const transport of ["spdy", "websocket"]) {
      const script = ["sh", "-c", "read word; echo got $word; echo err >&2; exit 4"];
      const { stdout, stderr } = await run(["exec", "-i", "-r", transport, id, ...script], "typed\n");
      assert.equal(stdout, "got typed\n", transport);
      assert.match(stderr, /err\n[^]*exit code 4/, transport);
    }
    const big = "x".repeat(1_000_000);
    assert.equal((await run(["exec", "-i", id, "sh", "-c", "head -c 1000000"], big)).stdout, big);
    assert.match(await out("stats", "-o", "json"), /"usageCoreNanoSeconds"/);
    assert.match(await out("statsp", "-o", "json"), /"web"/);
    assert.match(await out("metricdescs"), /container_memory_working_set_bytes/);
    assert.match(await out("metricsp"), /container_cpu_usage_seconds_total/);
    await out("stop", "-t", "0", id);
    assert.match(await out("inspect", id), /CONTAINER_EXITED/);
    await out("rm", id);
    await out("stopp", podId);
    await out("rmp", podId);
    assert.equal(await out("pods", "-q"), "");
    await out("rmi", image);
    assert.equal(await out("images", "-q"), "");
    assert.deepEqual(host.warnings, []);
  });
});
