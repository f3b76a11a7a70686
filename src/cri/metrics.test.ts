/** Metrics as kubelet collects them, and lists in parts. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { criMachine, type CriMachine } from "../../test/support/cri_machine.ts";
import { cannotLive } from "../../test/support/live_machine.ts";
import type { Decoder, Encoder } from "../rpc/index.ts";
import * as p from "./protocol/index.ts";
import { inParts } from "./services/list_streams.ts";

test("a long list comes in parts, each item once; an empty one in none", () => {
  const items = Array.from({ length: 120 }, (_, index) => index);
  const parts = [...inParts(items)];
  assert.deepEqual(parts.flat(), items);
  assert.deepEqual(
    parts.map(({ length }) => length),
    [50, 50, 20],
  );
  assert.deepEqual([...inParts([])], []);
});

suite("metrics and streams", { skip: cannotLive, timeout: 60_000 }, () => {
  let host: CriMachine;
  let pod: string;
  let id: string;
  before(async () => {
    host = await criMachine("none");
    pod = await host.sandbox("measured");
    const script = "exec 3< /dev/null; read word < /fifo & mkfifo /fifo; while :; do sleep 0.1; done";
    const resources = { memoryLimit: 64 << 20, cpuShares: 512, cpuQuota: 50_000 };
    id = await host.run(pod, "one", script, { linux: { resources } });
  });
  after(() => host[Symbol.asyncDispose]());

  const codeOf = (call: Promise<unknown>): Promise<number> =>
    call.then(
      () => 0,
      (error: { code: number }) => error.code,
    );

  test("each has a descriptor with as many labels; numbers are the kernel's", async () => {
    const { descriptors } = await host.call(
      "ListMetricDescriptors",
      p.Nothing,
      p.ListMetricDescriptorsResponse,
      {},
    );
    const keys = new Map(descriptors.map(({ name, labelKeys }) => [name, labelKeys]));
    assert.equal(keys.size, descriptors.length);
    assert.deepEqual(keys.get("container_cpu_usage_seconds_total"), [
      "pod",
      "namespace",
      "container",
      "id",
      "image",
    ]);
    const list = () => host.call("ListPodSandboxMetrics", p.Nothing, p.ListPodSandboxMetricsResponse, {});
    const { podMetrics } = await list();
    assert.deepEqual(
      podMetrics.map(({ podSandboxId, containerMetrics }) => [
        podSandboxId,
        containerMetrics.map(({ containerId }) => containerId),
      ]),
      [[pod, [id]]],
    );
    const metrics = podMetrics[0]?.containerMetrics[0]?.metrics ?? [];
    for (const { name, labelValues } of metrics)
      assert.equal(labelValues.length, keys.get(name)?.length, name);
    const valueOf = (name: string): number | undefined =>
      metrics.find((metric) => metric.name === name)?.value;
    assert.deepEqual(metrics[0]?.labelValues, ["measured", "default", "one", id, "base:1"]);
    assert.equal(valueOf("container_spec_memory_limit_bytes"), 64 << 20);
    assert.equal(valueOf("container_spec_cpu_shares"), 512);
    assert.equal(valueOf("container_spec_cpu_quota"), 50_000);
    assert.ok((valueOf("container_memory_kernel_usage") ?? 0) > 0);
    assert.deepEqual(keys.get("container_blkio_device_usage_total")?.slice(-4), [
      "device",
      "major",
      "minor",
      "operation",
    ]);
    assert.equal(valueOf("container_oom_events_total"), 0);
    assert.ok((valueOf("container_memory_usage_bytes") ?? 0) > 0);
    assert.ok((valueOf("container_file_descriptors") ?? 0) >= 4);
    assert.ok((valueOf("container_processes") ?? 0) >= 2);
    assert.ok((valueOf("container_fs_limit_bytes") ?? 0) > (valueOf("container_fs_usage_bytes") ?? 0));
    const { startedAt } = await host.status(id);
    assert.equal(valueOf("container_start_time_seconds"), Number(startedAt / 1_000_000_000n));
    await host.call("StopPodSandbox", p.SandboxRequest, p.Nothing, {
      podSandboxId: await host.sandbox("stopped"),
    });
    assert.deepEqual(
      (await list()).podMetrics.map(({ podSandboxId }) => podSandboxId),
      [pod],
    );
  });

  test("streams have what lists have", async () => {
    const runtime = "/runtime.v1.RuntimeService/";
    const all = async <Q, A>(path: string, request: Encoder<Q>, answer: Decoder<A>): Promise<A[]> => {
      using stream = host.client.open(path, request, answer);
      await stream.send({} as Q);
      stream.end();
      const seen: A[] = [];
      for await (const each of stream) seen.push(each);
      return seen;
    };
    const pods = await all(`${runtime}StreamPodSandboxes`, p.ListPodSandboxRequest, p.ListPodSandboxResponse);
    const { items } = await host.call(
      "ListPodSandbox",
      p.ListPodSandboxRequest,
      p.ListPodSandboxResponse,
      {},
    );
    assert.deepEqual(pods, [{ items }]);
    const containers = await all(
      `${runtime}StreamContainers`,
      p.ListContainersRequest,
      p.ListContainersResponse,
    );
    assert.deepEqual(
      containers.flatMap((part) => part.containers.map((each) => each.id)),
      [id],
    );
    const stats = await all(
      `${runtime}StreamContainerStats`,
      p.ListContainerStatsRequest,
      p.ListContainerStatsResponse,
    );
    assert.deepEqual(
      stats.flatMap((part) => part.stats.map(({ attributes }) => attributes?.id)),
      [id],
    );
    const podStats = await all(
      `${runtime}StreamPodSandboxStats`,
      p.ListPodSandboxStatsRequest,
      p.ListPodSandboxStatsResponse,
    );
    const linux = podStats[0]?.stats[0]?.linux;
    assert.ok((linux?.process?.processCount ?? 0) >= 2);
    assert.deepEqual(linux?.containers.length, 1);
    const metrics = await all(
      `${runtime}StreamPodSandboxMetrics`,
      p.Nothing,
      p.ListPodSandboxMetricsResponse,
    );
    assert.deepEqual(
      metrics.flatMap((part) => part.podMetrics.map(({ podSandboxId }) => podSandboxId)),
      [pod],
    );
    const images = await all(
      "/runtime.v1.ImageService/StreamImages",
      p.ListImagesRequest,
      p.ListImagesResponse,
    );
    assert.deepEqual(
      images.flatMap((part) => part.images.flatMap(({ repoTags }) => repoTags)),
      ["docker.io/library/base:1"],
    );
  });

  test("a sandbox' resources are kubelet's to change", async () => {
    const update = (podSandboxId: string) =>
      host.call("UpdatePodSandboxResources", p.SandboxRequest, p.Nothing, { podSandboxId });
    assert.equal(await codeOf(update(pod)), 0);
    assert.equal(await codeOf(update("none")), 5);
  });
});
