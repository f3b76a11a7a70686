/** What the kernel's files say, in Docker's shape. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../../../test/suites/scratch.ts";
import { sampleStats } from "./sample_stats.ts";
import { noSample } from "./stats_shape.ts";

function kernel(files: Readonly<Record<string, string>>) {
  const place = scratch("stats");
  for (const [name, content] of Object.entries(files)) {
    const path = join(place.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
  return {
    files: { proc: join(place.path, "proc"), cgroup: join(place.path, "cgroup") },
    [Symbol.dispose]: () => place[Symbol.dispose](),
  };
}

const common = {
  "proc/stat": "cpu  1 2 3 4 5 6 7 100 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n",
  "proc/7/net/dev":
    "Inter-|   Receive  |  Transmit\n face |bytes packets\n    lo: 9 9 9 9 0 0 0 0 9 9 9 9 0 0 0 0\n  eth0: 100 2 3 4 0 0 0 0 500 6 7 8 0 0 0 0\n",
};
const eth0 = {
  rx_bytes: 100,
  rx_packets: 2,
  rx_errors: 3,
  rx_dropped: 4,
  tx_bytes: 500,
  tx_packets: 6,
  tx_errors: 7,
  tx_dropped: 8,
};

test("B178 stats on cgroup v2", { skip: unlessLinux }, () => {
  using place = kernel({
    ...common,
    "proc/7/cgroup": "0::/varve-x\n",
    "cgroup/varve-x/cpu.stat":
      "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\nnr_throttled 3\nthrottled_usec 2\n",
    "cgroup/varve-x/memory.current": "4096\n",
    "cgroup/varve-x/memory.max": "max\n",
    "cgroup/varve-x/memory.stat": "file 2\nanon 1\n",
    "cgroup/varve-x/pids.current": "3\n",
    "cgroup/varve-x/pids.max": "10\n",
    "cgroup/varve-x/io.stat": "8:0 rbytes=11 wbytes=12 rios=1 wios=1 dbytes=0 dios=0\n",
  });
  const sample = sampleStats(7, true, place.files);
  assert.deepEqual(sample.cpu_stats.cpu_usage, {
    total_usage: 30_000,
    usage_in_kernelmode: 10_000,
    usage_in_usermode: 20_000,
  });
  assert.deepEqual(sample.cpu_stats.throttling_data, {
    periods: 4,
    throttled_periods: 3,
    throttled_time: 2000,
  });
  assert.equal(sample.cpu_stats.system_cpu_usage, 28 * 10_000_000);
  assert.deepEqual(sample.memory_stats, { usage: 4096, stats: { anon: 1, file: 2 }, limit: totalmem() });
  assert.deepEqual(sample.pids_stats, { current: 3, limit: 10 });
  assert.deepEqual(sample.blkio_stats.io_service_bytes_recursive, [
    { major: 8, minor: 0, op: "read", value: 11 },
    { major: 8, minor: 0, op: "write", value: 12 },
  ]);
  assert.deepEqual(sample.networks, { eth0 });
});

test("B178 stats on cgroup v1", { skip: unlessLinux }, () => {
  using place = kernel({
    ...common,
    "proc/7/cgroup": "5:memory:/m\n4:cpu,cpuacct:/c\n3:pids:/p\n2:blkio:/b\n0::/\n",
    "cgroup/cpuacct/c/cpuacct.usage": "77\n",
    "cgroup/cpuacct/c/cpuacct.usage_percpu": "70 7 \n",
    "cgroup/cpuacct/c/cpuacct.stat": "user 3\nsystem 2\n",
    "cgroup/cpu/c/cpu.stat": "nr_periods 1\nnr_throttled 2\nthrottled_time 3\n",
    "cgroup/memory/m/memory.usage_in_bytes": "100\n",
    "cgroup/memory/m/memory.max_usage_in_bytes": "200\n",
    "cgroup/memory/m/memory.failcnt": "0\n",
    "cgroup/memory/m/memory.limit_in_bytes": "300\n",
    "cgroup/memory/m/memory.stat": "rss 2\ncache 1\n",
    "cgroup/pids/p/pids.current": "1\n",
    "cgroup/pids/p/pids.max": "max\n",
    "cgroup/blkio/b/blkio.throttle.io_service_bytes_recursive": "8:16 Read 5\nTotal 5\n",
  });
  const sample = sampleStats(7, false, place.files);
  assert.deepEqual(sample.cpu_stats.cpu_usage, {
    total_usage: 77,
    percpu_usage: [70, 7],
    usage_in_kernelmode: 20_000_000,
    usage_in_usermode: 30_000_000,
  });
  assert.deepEqual(sample.memory_stats, {
    usage: 100,
    max_usage: 200,
    stats: { cache: 1, rss: 2 },
    limit: 300,
  });
  assert.deepEqual(sample.pids_stats, { current: 1 });
  assert.deepEqual(sample.blkio_stats.io_service_bytes_recursive, [
    { major: 8, minor: 16, op: "Read", value: 5 },
  ]);
  assert.deepEqual(sample.blkio_stats.io_queue_recursive, []);
  assert.equal("networks" in sample, false);
});

test("a process that has gone uses nothing", () => {
  using place = kernel({});
  assert.deepEqual(sampleStats(7, true, place.files), noSample);
});
