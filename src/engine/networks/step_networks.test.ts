/** Steps of builds in a daemon's networks: by the Engine API, on a machine of their own. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, before, suite, test } from "node:test";
import { sampleLayer } from "../../../test/fixtures/sample_image.ts";
import { engineFixture, signal } from "../../../test/support/engine_fixture.ts";
import {
  cannotConnect,
  networkedDaemon,
  type NetworkedDaemon,
} from "../../../test/support/networked_daemon.ts";
import { makeStepBundle } from "../builds/step_bundles.ts";
import { networkingOf } from "./networking_of.ts";
import { StepNetworks } from "./step_networks.ts";

test("where there can be no bridges steps have the host's network, and that is said once", async (t) => {
  using fixture = await engineFixture();
  const told: string[] = [];
  const warn = (text: string): void => void told.push(text);
  const steps = new StepNetworks(fixture.engine.store, () => ({}), warn);
  t.mock.method(process as Required<NodeJS.Process>, "geteuid", () => 1000);
  for (const id of ["a", "b"]) {
    await using network = await steps.connect(id, "default", signal);
    assert.equal(network.namespace, "host");
  }
  assert.deepEqual(told, ["RUN in builds has the host's network: bridge networks need root"]);
});

suite("B180 networks of RUN steps", { skip: cannotConnect }, () => {
  let net: NetworkedDaemon;
  before(async () => void (net = await networkedDaemon()));
  after(() => net[Symbol.asyncDispose]());
  afterEach(() => {
    assert.equal(net.leftovers(), "");
    assert.deepEqual(net.host.warnings, []);
  });

  /** What a build tells whose only step runs the script. */
  async function build(query: string, script: string): Promise<string> {
    const { tar: body } = await sampleLayer({ Dockerfile: `FROM base:1\nRUN ${script}\n` });
    const { text } = await net.host.post(`/build?nocache=1&${query}`, { body });
    const lines = text.split("\r\n").filter((line) => line !== "");
    return lines
      .map((line) => JSON.parse(line) as { stream?: string; error?: string })
      .map(({ stream = "", error = "" }) => stream + error)
      .join("");
  }

  test("B180 the default is the bridge: the host is behind a gateway, not the step's loopback", async () => {
    await net.machine.serve(undefined, 4081, "the host\n");
    const ask = (host: string): string => `echo ${host}: $(nc -w 5 ${host} 4081 </dev/null 2>&1)`;
    const show = `ip -o -4 addr show dev eth0; tail -n 2 /etc/hosts; ${ask("127.0.0.1")}; ${ask("gate")}`;
    const told = await build("networkmode=default&extrahosts=gate:host-gateway", show);
    const bridge = (await net.host.expect(200, "GET", "/networks/bridge")).json<{
      IPAM: { Config: { Gateway: string; Subnet: string }[] };
      Containers: object;
    }>();
    const [{ Gateway, Subnet } = { Gateway: "", Subnet: "" }] = bridge.IPAM.Config;
    const [start] = Subnet.split(".0.0/");
    assert.match(told, new RegExp(`eth0 +inet ${start}\\.`));
    assert.match(told, new RegExp(`\n127\\.0\\.0\\.1\tbuildkitsandbox\n${Gateway}\tgate\n`));
    assert.match(told, /\n127\.0\.0\.1: nc: .*refused\n/);
    assert.match(told, /\ngate: the host\n/);
    assert.match(told, /Successfully built/);
    assert.equal(await net.host.daemon.stepNetworks.hostGateway(), Gateway);
    assert.deepEqual(bridge.Containers, {});
    assert.match(await build("networkmode=host", ask("127.0.0.1")), /\n127\.0\.0\.1: the host\n/);
  });

  test("B180 a network by its name and a container's: its containers are there by name", async () => {
    await net.host.expect(201, "POST", "/networks/create", { Name: "talk" });
    const HostConfig = { NetworkMode: "talk" };
    const serve = "while :; do echo hello | nc -l -p 80; done";
    const web = await net.host.run(serve, { HostConfig, Hostname: "box" }, "web");
    const ask = "until nc web 80 </dev/null | grep hello; do sleep 0.05; done; cat /etc/resolv.conf";
    assert.match(await build("networkmode=talk", ask), /\nhello\nnameserver .*\noptions ndots:0\n/);
    const local = "until nc box 80 </dev/null | grep hello; do sleep 0.05; done";
    assert.match(await build("networkmode=container:web", local), /\nhello\n/);
    assert.match(await build("networkmode=talk", "exit 3"), /returned a non-zero code: 3$/);
    await net.host.expect(204, "DELETE", `/containers/${web}?force=1`);
    await net.host.expect(204, "DELETE", "/networks/talk");
  });

  test("B180 a network or container that is not there, in Docker's words", async () => {
    assert.match(await build("networkmode=nowhere", "true"), /network nowhere not found$/);
    assert.match(await build("networkmode=container:nobody", "true"), /No such container: nobody$/);
  });

  test("B180 a step that is cancelled leaves its network", async () => {
    const { tar: body } = await sampleLayer({ Dockerfile: "FROM base:1\nRUN sleep 1000\n" });
    const building = net.host.post("/build?buildid=long", { body });
    const { endpoints } = await networkingOf(net.host.engine.store);
    while (endpoints.list().length === 0) await new Promise(setImmediate);
    await net.host.expect(200, "POST", "/build/cancel?id=long");
    assert.doesNotMatch((await building).text, /Successfully/);
  });

  test("B180 a start of the daemon takes away what steps of killed processes have, and no other's", async () => {
    const { engine, daemon } = net.host;
    const id = randomBytes(32).toString("hex");
    const connected = async (): Promise<string[]> =>
      (await networkingOf(engine.store)).endpoints.list().map(({ containerId }) => containerId);
    {
      await using bundle = await makeStepBundle(engine.store.root, id);
      assert.ok(bundle.directory.endsWith(id));
      await daemon.stepNetworks.connect(id, "default", signal);
      await engine.networks.reconcile();
      assert.deepEqual(await connected(), [id]);
    }
    await engine.networks.reconcile();
    assert.deepEqual(await connected(), []);
  });
});
