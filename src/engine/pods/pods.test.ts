/** Pods in a bridge network, on a machine of their own. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { makeContainer } from "../../../test/support/engine_fixture.ts";
import {
  cannotConnect,
  networkedDaemon,
  type NetworkedDaemon,
} from "../../../test/support/networked_daemon.ts";
import { removeNetworkNamespace } from "../../sys/index.ts";
import { Pods } from "./pods.ts";

suite("pods", { skip: cannotConnect }, () => {
  let net: NetworkedDaemon;
  before(async () => void (net = await networkedDaemon()));
  after(() => net[Symbol.asyncDispose]());

  const dns = { servers: ["10.9.9.9"], search: [], options: [] };
  const wanted = { network: "bridge", hostname: "web", ports: {}, dns, data: { any: "thing" } };
  const again = async (): Promise<Pods> =>
    new Pods(net.host.engine.store, await net.host.engine.networks.running());

  test("an address, a published port, and nothing left when it is removed", async () => {
    const { pods, live, engine } = net.host.daemon;
    const ports = { "80/tcp": [{ HostIp: "", HostPort: "8099" }] };
    const pod = await pods.create({ ...wanted, ports });
    assert.match(pod.addresses[0] ?? "", /^172\.\d+\.\d+\.\d+$/);
    assert.deepEqual(pods.find(pod.id.slice(0, 12)), pod);
    const image = await engine.images.resolve("base:1");
    const shared = { NetworkMode: `pod:${pod.id}`, IpcMode: `pod:${pod.id}` };
    const script = "while :; do echo hello | nc -l -p 80; done";
    const { ID } = await makeContainer(net.host, image, {
      config: { Cmd: ["sh", "-c", script] },
      hostConfig: shared,
    });
    await live.start(ID);
    assert.equal(await net.hear(8099), "hello\n");
    const { Containers } = await engine.networks.inspect("bridge");
    assert.deepEqual(Object.keys(Containers ?? {}), [pod.id]);
    await engine.networks.prune();
    // The network stays where its containers come and go.
    await live.stop(ID, { timeout: 0 });
    await live.start(ID);
    assert.equal(await net.hear(8099), "hello\n");
    await live.remove(ID, { force: true });
    await pods.remove(pod.id);
    assert.throws(() => pods.find(pod.id), { kind: "not-found" });
    assert.equal(net.leftovers(), "");
    assert.deepEqual(readdirSync(join(net.host.root, "varve/pods")), []);
  });

  test("the next daemon finds it, and takes away what a reboot or a kill has left of another", async () => {
    const { pods, engine } = net.host.daemon;
    const [whole, rebooted, halfMade] = [
      await pods.create(wanted),
      await pods.create({ ...wanted, network: "none" }),
      await pods.create({ ...wanted, network: "none" }),
    ];
    removeNetworkNamespace(rebooted.networkNamespace);
    rmSync(join(net.host.root, "varve/pods", halfMade.id, "pod.json"));
    const warnings: string[] = [];
    const next = await again();
    await next.reconcile((text) => void warnings.push(text));
    await engine.networks.reconcile();
    assert.deepEqual(next.find(whole.id), whole);
    assert.ok(existsSync(whole.networkNamespace));
    assert.equal(next.find(rebooted.id).ready, false);
    assert.throws(() => next.ready(rebooted.id), { kind: "conflict" });
    assert.throws(() => next.find(halfMade.id), { kind: "not-found" });
    assert.deepEqual(warnings, []);
    for (const { id } of next.list()) await next.remove(id);
    assert.equal(net.leftovers(), "");
  });

  test("nothing is left of one that cannot be made", async () => {
    const { pods } = net.host.daemon;
    await assert.rejects(pods.create({ ...wanted, network: "nowhere" }), { kind: "not-found" });
    assert.deepEqual(pods.list(), []);
    assert.equal(net.leftovers(), "");
  });
});
