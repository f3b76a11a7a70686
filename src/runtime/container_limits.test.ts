import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors.ts";
import { checkLimits, limitResources, type ContainerLimits } from "./container_limits.ts";
import { hostCgroups, parseCpuList, type HostCgroups } from "./host_cgroups.ts";

const mega = 1 << 20;
const host: HostCgroups = {
  version: 1,
  swapLimit: true,
  swappiness: true,
  realtime: true,
  deviceRates: true,
  deviceWeights: true,
  cpus: 2,
  onlineCpus: "0-1",
  onlineMems: "0",
};

const bad: [limits: ContainerLimits, message: string][] = [
  [{ memory: mega }, "Minimum memory limit allowed is 6MB"],
  [
    { memory: 6 * mega, memorySwap: 5 * mega },
    "Minimum memoryswap limit should be larger than memory limit, see usage",
  ],
  [{ memorySwap: 8 * mega }, "You should always set the Memory limit when using Memoryswap limit, see usage"],
  [{ memoryReservation: mega }, "Minimum memory reservation allowed is 6MB"],
  [
    { memory: 6 * mega, memoryReservation: 7 * mega },
    "Minimum memory limit can not be less than memory reservation limit, see usage",
  ],
  [{ cpus: 100 }, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"],
  [{ cpus: -1 }, "Range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"],
  [{ cpus: 1, cpuPeriod: 1000 }, "Conflicting options: Nano CPUs and CPU Period cannot both be set"],
  [{ cpus: 1, cpuQuota: 1000 }, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"],
  [{ cpuPeriod: 9 }, "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)"],
  [{ cpuQuota: 9 }, "CPU cfs quota can not be less than 1ms (i.e. 1000)"],
  [{ cpusetCpus: "9" }, "Requested CPUs are not available - requested 9, available: 0-1"],
  [{ cpusetCpus: "x" }, "Invalid value x for cpuset cpus: invalid format: x"],
  [{ cpusetMems: "1" }, "Requested memory nodes are not available - requested 1, available: 0"],
  [{ oomScoreAdj: 10000 }, "Invalid value 10000, range for oom score adj is [-1000, 1000]"],
  [{ cpuShares: -1 }, "shares: invalid argument"],
  [{ memorySwappiness: 101 }, "Invalid value: 101, valid memory swappiness range is 0-100"],
  [
    { realtimePeriod: 2, realtimeRuntime: 5 },
    "cpu real-time runtime cannot be higher than cpu real-time period",
  ],
  [{ block: { weight: 5 } }, "Range of blkio weight is from 10 to 1000"],
];

test("limits that cannot be are refused in Docker's words", () => {
  for (const [limits, message] of bad)
    assert.throws(
      () => checkLimits(limits, host),
      (error) => isFailure(error, "invalid") && error.message === message,
      message,
    );
});

test("limits that this machine lacks are warned of and left out", () => {
  const without = { ...host, swapLimit: false };
  assert.match(
    checkLimits({ memory: 8 * mega }, without)[0] ?? "",
    /^Your kernel does not support swap limit/,
  );
  assert.deepEqual(limitResources({ memory: 8 * mega }, without).memory, {
    limit: 8 * mega,
    disableOOMKiller: false,
  });
  const v2 = { ...host, version: 2 as const };
  assert.match(checkLimits({ oomKillDisable: true }, v2)[0] ?? "", /OomKillDisable discarded/);
  assert.deepEqual(limitResources({ oomKillDisable: true }, v2).memory, {});
  assert.match(checkLimits({ oomKillDisable: true }, host)[0] ?? "", /^OOM killer is disabled/);
  assert.deepEqual(checkLimits({ memory: 8 * mega, cpus: 2, cpusetCpus: "0,1", pids: 5 }, host), []);
  assert.deepEqual(checkLimits({ cpus: 0.001 }, host), []);
});

test("swap is as much again as memory unless it is said otherwise", () => {
  const swap = (memorySwap?: number): number | undefined =>
    limitResources({ memory: 8 * mega, ...(memorySwap === undefined ? {} : { memorySwap }) }, host).memory
      ?.swap;
  assert.deepEqual([swap(), swap(0), swap(-1), swap(9 * mega)], [16 * mega, 16 * mega, -1, 9 * mega]);
});

test("no limit on processes is -1", () => {
  assert.deepEqual(
    [5, 0, -1].map((pids) => limitResources({ pids }, host).pids?.limit),
    [5, -1, -1],
  );
  assert.equal(limitResources({}, host).pids, undefined);
});

test("cpu lists are read as the kernel writes them", () => {
  assert.deepEqual([...parseCpuList("0-2,5")], [0, 1, 2, 5]);
  for (const none of ["", "a", "1-", "-1", "1,,2"]) assert.equal(parseCpuList(none).size, 0, none);
  assert.ok(parseCpuList("0-4294967295").size <= 65_536);
});

test("this machine has at least one CPU", () => {
  assert.ok(hostCgroups().cpus >= 1);
});

test("rates and weights of block devices go by their numbers, where the kernel takes them", () => {
  const block = {
    weight: 300,
    weightOf: [{ path: "/dev/null", value: 200 }],
    readBytes: [{ path: "/dev/zero", value: mega }],
    writeOperations: [{ path: "/dev/full", value: 6 }],
  };
  assert.deepEqual(limitResources({ block }, host).blockIO, {
    weight: 300,
    weightDevice: [{ major: 1, minor: 3, weight: 200 }],
    throttleReadBpsDevice: [{ major: 1, minor: 5, rate: mega }],
    throttleWriteIOPSDevice: [{ major: 1, minor: 7, rate: 6 }],
  });
  assert.deepEqual(checkLimits({ block }, host), []);
  const without = { ...host, deviceRates: false, deviceWeights: false };
  assert.deepEqual(limitResources({ block }, without).blockIO, { weight: 300 });
  assert.deepEqual(checkLimits({ block }, without), [
    "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.",
    "Your kernel does not support BPS Block I/O read limit or the cgroup is not mounted. BPS Block I/O limit discarded.",
    "Your kernel does not support IOPS Block write limit or the cgroup is not mounted. IOPS Block limit discarded.",
  ]);
  const gone = { readBytes: [{ path: "/dev/none/such", value: 1 }] };
  assert.throws(() => limitResources({ block: gone }, host), {
    message: "stat /dev/none/such: no such file or directory",
  });
});

test("what cgroup v1 alone can do is left out elsewhere", () => {
  const limits = { memorySwappiness: 10, realtimePeriod: 1000, realtimeRuntime: 10 };
  const { memory, cpu } = limitResources(limits, host);
  assert.deepEqual([memory?.swappiness, cpu?.realtimePeriod, cpu?.realtimeRuntime], [10, 1000, 10]);
  const v2 = { ...host, version: 2 as const, swappiness: false, realtime: false };
  assert.match(checkLimits({ memorySwappiness: 10 }, v2)[0] ?? "", /Memory swappiness discarded\.$/);
  assert.equal(limitResources({ memorySwappiness: 10 }, v2).memory?.swappiness, undefined);
  assert.throws(() => checkLimits({ realtimePeriod: 1000 }, v2), {
    message: "Your kernel does not support CPU real-time scheduler",
  });
});
