/** A process that is killed while it connects a container, at each stage of that. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { type TestMachine, testMachine, unlessBridges } from "../../test/suites/network_fixture.ts";
import { unlessAll } from "../../test/suites/scratch.ts";
import type { ConnectRequest } from "./types.ts";

const stages: readonly [string, (machine: TestMachine) => boolean][] = [
  ["on record", ({ options }) => textOf(join(options.directory, "endpoints.json")).includes('"web"')],
  ["an interface", () => /\bveth/.test(textOf("/proc/thread-self/net/dev"))],
  ["a rule", () => execFileSync("iptables-save", { encoding: "latin1" }).includes("--to-destination")],
  ["a name", ({ traces }) => /\/[0-9a-f]{64}$/.test(traces())],
];

for (const [stage, isReached] of stages) {
  // One always; the others take longer.
  const skip = unlessBridges || (stage === "an interface" ? false : unlessAll);
  test(`killed as soon as there is ${stage}: reconcile leaves nothing`, { skip }, async () => {
    await using machine = await testMachine();
    const { networks, endpoints } = machine.networking;
    await networks.create({ name: "net" });
    const request: ConnectRequest = {
      network: "net",
      containerId: "ab".repeat(32),
      containerName: "web",
      namespace: machine.container("web"),
      ports: [{ containerPort: 80, protocol: "tcp", hostPort: 8080 }],
    };
    await killWhile(machine, `await endpoints.connect(${JSON.stringify(request)})`, isReached);
    assert.equal(endpoints.list().length, 1);
    await endpoints.reconcile(() => false);
    assert.deepEqual(endpoints.list(), []);
    assert.equal(machine.traces(), "");
    // And all of it is free again.
    const again = await endpoints.connect(request);
    assert.equal(again.interfaceName, "eth0");
    await endpoints.disconnect(again.id);
    await networks.remove("net");
    assert.equal(machine.traces(), "");
  });
}

test(
  "killed while it disconnects: reconcile finishes that",
  { skip: unlessBridges || unlessAll },
  async () => {
    await using machine = await testMachine();
    const { networks, endpoints } = machine.networking;
    await networks.create({ name: "net" });
    const namespace = machine.container("web");
    const request = { network: "net", containerId: "ab".repeat(32), containerName: "web", namespace };
    const { id } = await endpoints.connect({
      ...request,
      ports: [{ containerPort: 80, protocol: "tcp", hostPort: 8080 }],
    });
    const isReached = ({ traces }: TestMachine): boolean => !/\/[0-9a-f]{64}$/.test(traces());
    await killWhile(machine, `await endpoints.disconnect(${JSON.stringify(id)})`, isReached);
    await endpoints.reconcile(() => false);
    assert.deepEqual(endpoints.list(), []);
    assert.equal(machine.traces(), "");
  },
);

/** Lets another process do something with endpoints, and kills it. */
async function killWhile(
  machine: TestMachine,
  action: string,
  isReached: (machine: TestMachine) => boolean,
): Promise<void> {
  const script = `
    import { openNetworking } from ${JSON.stringify(import.meta.resolve("./index.ts"))};
    const { endpoints } = await openNetworking(${JSON.stringify(machine.options)});
    ${action};
    setInterval(() => undefined, 1000);`;
  const words = ["--input-type=module", "-e", script];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(child, "exit");
  while (child.exitCode === null && !isReached(machine)) await setImmediate();
  child.kill("SIGKILL");
  const [code, signal] = (await ended) as [number | null, string | null];
  assert.equal(signal, "SIGKILL", `it ended by itself with ${code}`);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
