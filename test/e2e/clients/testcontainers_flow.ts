/**
 * The ordinary flows of testcontainers against the engine of DOCKER_HOST. A program: `testcontainers_flow.ts MODULES`, in
 * a directory with `base.tar` and an image `base:1`; says each flow that it has been through.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { once } from "node:events";
import type { Readable } from "node:stream";

const [modules = ""] = process.argv.slice(2);
const { GenericContainer, Network, Wait } = createRequire(join(modules, "/"))("testcontainers");

const page = ["sh", "-c", "mkdir /w; echo hello > /w/i; echo serving; exec httpd -f -p 80 -h /w"];
const curl = (address: string): string => String(execFileSync("curl", ["-sS", address]));

const flows: Readonly<Record<string, () => Promise<void>>> = {
  async "an exposed port, waited for"() {
    await using container = await new GenericContainer("base:1")
      .withCommand(page)
      .withExposedPorts(80)
      .withEnvironment({ A: "1" })
      .withLabels({ by: "testcontainers" })
      .start();
    assert.equal(curl(`http://127.0.0.1:${container.getMappedPort(80)}/i`), "hello\n");
    const { output, exitCode } = await container.exec(["sh", "-c", "echo $A; exit 4"]);
    assert.deepEqual([output, exitCode], ["1\n", 4]);
    await container.restart();
    assert.equal(curl(`http://127.0.0.1:${container.getMappedPort(80)}/i`), "hello\n");
  },

  async "waits for lines of the log, for HTTP, for health, for a command, for the end"() {
    for (const wait of [
      Wait.forLogMessage("serving"),
      Wait.forHttp("/i", 80).forStatusCode(200),
      Wait.forHealthCheck(),
      Wait.forSuccessfulCommand("wget -qO- http://127.0.0.1/i"),
      Wait.forAll([Wait.forListeningPorts(), Wait.forLogMessage(/serv/)]),
    ]) {
      await using container = await new GenericContainer("base:1")
        .withCommand(page)
        .withExposedPorts(80)
        .withHealthCheck({ test: ["CMD", "wget", "-qO-", "http://127.0.0.1/i"], interval: 200, retries: 50 })
        .withWaitStrategy(wait)
        .start();
      assert.ok(container.getId());
    }
    await using container = await new GenericContainer("base:1")
      .withCommand(["true"])
      .withWaitStrategy(Wait.forOneShotStartup())
      .start();
    assert.ok(container.getId());
    const failing = new GenericContainer("base:1")
      .withCommand(["false"])
      .withWaitStrategy(Wait.forOneShotStartup());
    await assert.rejects(failing.start(), /failed to start/);
  },

  async "a network with aliases"() {
    await using network = await new Network().start();
    await using server = await new GenericContainer("base:1")
      .withCommand(page)
      .withNetwork(network)
      .withNetworkAliases("web")
      .withWaitStrategy(Wait.forLogMessage("serving"))
      .start();
    await using client = await new GenericContainer("base:1")
      .withCommand(["sleep", "1000"])
      .withNetwork(network)
      .start();
    assert.ok(server.getIpAddress(network.getName()));
    assert.equal((await client.exec(["wget", "-qO-", "http://web/i"])).output, "hello\n");
  },

  async "files: copied before, copied later, fetched; mounts; logs; stop"() {
    fs.mkdirSync("tree", { recursive: true });
    fs.writeFileSync("tree/f", "of a tree\n");
    await using container = await new GenericContainer("base:1")
      .withCommand(["sh", "-c", "cat /in/text /in/tree/f /bound/f; sleep 1000"])
      .withCopyContentToContainer([{ content: "text\n", target: "/in/text" }])
      .withCopyDirectoriesToContainer([{ source: "tree", target: "/in/tree" }])
      .withBindMounts([{ source: join(process.cwd(), "tree"), target: "/bound", mode: "ro" }])
      .withTmpFs({ "/t": "rw" })
      .withUser("0")
      .withWaitStrategy(Wait.forLogMessage("of a tree", 2))
      .start();
    await container.copyFilesToContainer([{ source: "tree/f", target: "/tmp/f" }]);
    const archive: Readable = await container.copyArchiveFromContainer("/tmp/f");
    const tar = execFileSync("tar", ["xO"], { input: Buffer.concat(await archive.toArray()) });
    assert.equal(String(tar), "of a tree\n");
    const logs: Readable = await container.logs();
    const [line] = await once(logs, "data");
    assert.match(String(line), /^text\n/);
    logs.destroy();
    await container.stop({ remove: false, timeout: 0 });
  },

  async "an image that is built for it, and made of it"() {
    fs.mkdirSync("context", { recursive: true });
    fs.writeFileSync("context/Dockerfile", 'FROM base:1\nARG A\nENV A=$A\nCMD ["sleep", "1000"]\n');
    const image = await GenericContainer.fromDockerfile("context").withBuildArgs({ A: "built" }).build();
    await using container = await image.start();
    assert.equal((await container.exec(["sh", "-c", "echo $A"])).output, "built\n");
    const committed = await container.commit({ repo: "committed", tag: "1" });
    assert.ok(committed);
  },
};

// It follows logs on sockets that keep no program running.
const waiting = setInterval(() => undefined, 60_000);
for (const [name, flow] of Object.entries(flows)) {
  await flow();
  process.stdout.write(`${name}\n`);
}
clearInterval(waiting);
