/**
 * A server for Kubernetes that is killed while a pod comes or goes, at each step with VARVE_LIVE=all: the next one says of a
 * pod that it is ready only if containers can be started in it, can be asked again, and leaves nothing of one that is removed.
 */
import assert from "node:assert/strict";
import { CrashScene, noStep, type Deed } from "../../test/support/crash_scene.ts";
import { crashSuite, type Crash } from "../../test/support/crash_suite.ts";
import { cannotConnect } from "../../test/support/networked_daemon.ts";
import { grpcClient } from "../../test/support/grpc_client.ts";
import { testMachine } from "../../test/suites/network_fixture.ts";
import { unlessAll } from "../../test/suites/scratch.ts";
import { listPods, type PodRecord } from "../engine/pods/pod_record.ts";
import { ContainerConfig, Nothing, SandboxRequest } from "./protocol/index.ts";
import { serveCriOn } from "./serve_cri.ts";
import { labelsOf } from "./services/kept.ts";

const metadata = { name: "web", uid: "uid-web", namespace: "default" };
const portMappings = [{ protocol: 0, containerPort: 80, hostPort: 8099 }];
const run: Deed = {
  asked: { call: "RunPodSandbox", given: { config: { metadata, hostname: "web", portMappings } } },
};

const pods: Record<string, Crash> = {
  "the making of a pod": {
    deed: run,
    expect: async (scene) => {
      if (await isReady(scene)) return;
      await removeAll(scene);
      await scene.killedAt(noStep, run);
      assert.ok(await isReady(scene));
    },
  },
  "the stop of a pod": {
    first: makeFull,
    deed: async (scene) => ({ asked: { call: "StopPodSandbox", given: whichOf(scene) } }),
    expect: async (scene) => {
      if (await isReady(scene)) await ask("StopPodSandbox", scene);
      assert.equal(await isReady(scene), false);
      assert.equal(await scene.isRunning(), false);
      await scene.isQuiet();
    },
  },
  "the removal of a pod": {
    first: makeFull,
    deed: async (scene) => ({ asked: { call: "RemovePodSandbox", given: whichOf(scene) } }),
    expect: async (scene) => {
      await isReady(scene);
      if (podOf(scene) !== undefined) await ask("RemovePodSandbox", scene);
      const { engine, pods: all } = await scene.daemon();
      assert.deepEqual(all.list(), []);
      assert.deepEqual(await engine.containers.list({ all: true }), []);
      await scene.isQuiet();
    },
  },
};

crashSuite("a server for Kubernetes that is killed", unlessAll || cannotConnect, pods, async () =>
  CrashScene.make(await testMachine()),
);

/** By its record: this process must not have had the container that another daemon is to stop. */
function podOf({ root }: CrashScene): PodRecord | undefined {
  return listPods(root)[0];
}

function whichOf(scene: CrashScene): { readonly podSandboxId: string } {
  return { podSandboxId: podOf(scene)?.id ?? "" };
}

/** The daemon of this process, which has the container now. */
async function ask(method: "StopPodSandbox" | "RemovePodSandbox", scene: CrashScene): Promise<void> {
  const socket = scene.path("again");
  const options = { host: `unix://${socket}`, network: "bridge", warn: (text: string) => assert.fail(text) };
  await using _ = await serveCriOn(await scene.daemon(), options);
  using client = grpcClient(socket);
  await client.call(`/runtime.v1.RuntimeService/${method}`, SandboxRequest, Nothing, whichOf(scene));
}

/** A pod with a container that runs. */
async function makeFull(scene: CrashScene): Promise<void> {
  await scene.killedAt(noStep, run);
  const { podSandboxId: sandboxId } = whichOf(scene);
  const mode = `pod:${sandboxId}`;
  const said = ContainerConfig.decode(ContainerConfig.encode({ metadata: { name: "talker" } }));
  const parts = {
    config: { Labels: labelsOf({ sandboxId, said, logPath: "" }) },
    hostConfig: { NetworkMode: mode, IpcMode: mode },
  };
  await scene.killedAt(noStep, { act: "run", parts });
}

/** Whether it says so; it has its namespaces and its address exactly then. */
async function isReady(scene: CrashScene): Promise<boolean> {
  const { engine, pods: all } = await scene.daemon();
  const [pod] = all.list();
  const { Containers } = await engine.networks.inspect("bridge");
  const members = Object.values(Containers ?? {}).map(({ IPv4Address }) => IPv4Address.split("/")[0]);
  assert.deepEqual(members, pod?.addresses ?? []);
  if (pod?.ready !== true) return false;
  assert.equal(all.ready(pod.id).id, pod.id);
  const inside = (await scene.machine?.inside(pod.networkNamespace, "ip", "-o", "-4", "addr")) ?? "";
  const own = [...inside.matchAll(/inet ([\d.]+)/g)].map(([, address]) => address as string);
  assert.deepEqual(
    own.filter((address) => address !== "127.0.0.1"),
    pod.addresses,
  );
  return true;
}

async function removeAll(scene: CrashScene): Promise<void> {
  const { pods: all } = await scene.daemon();
  for (const { id } of all.list()) await all.remove(id);
  await scene.isQuiet();
}
