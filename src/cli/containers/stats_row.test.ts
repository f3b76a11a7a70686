import assert from "node:assert/strict";
import { test } from "node:test";
import { statsRow, type ContainerStats } from "./stats_row.ts";

const id = "0123456789abcdef".repeat(4);
const measured = { id, name: "web", given: "web" };
const cpu = (total_usage: number, system_cpu_usage: number) => ({
  cpu_usage: { total_usage },
  system_cpu_usage,
  online_cpus: 2,
});
const stats: ContainerStats = {
  cpu_stats: cpu(300, 2000),
  precpu_stats: cpu(100, 1000),
  memory_stats: { usage: 3 * 2 ** 20, limit: 10 * 2 ** 20, stats: { total_inactive_file: 2 ** 20 } },
  networks: { eth0: { rx_bytes: 1500, tx_bytes: 10 }, eth1: { rx_bytes: 500, tx_bytes: 0 } },
  blkio_stats: {
    io_service_bytes_recursive: [
      { op: "Read", value: 4096 },
      { op: "write", value: 8192 },
      { op: "Total", value: 12_288 },
    ],
  },
  pids_stats: { current: 3 },
};

test("a measurement in Docker's words", () => {
  assert.deepEqual(statsRow(measured, stats, false), {
    Container: "web",
    Name: "web",
    ID: id.slice(0, 12),
    CPUPerc: "40.00%",
    MemUsage: "2MiB / 10MiB",
    MemPerc: "20.00%",
    NetIO: "2kB / 10B",
    BlockIO: "4.1kB / 8.19kB",
    PIDs: "3",
  });
});

test("nothing measured yet, and what an engine leaves out", () => {
  assert.equal(statsRow(measured, undefined, true).ID, id);
  assert.equal(statsRow(measured, undefined, true).MemUsage, "-- / --");
  const bare = { ...stats, memory_stats: {}, networks: null, blkio_stats: null, pids_stats: null };
  const { MemUsage, MemPerc, NetIO, BlockIO, PIDs } = statsRow(measured, bare, false);
  assert.deepEqual(
    [MemUsage, MemPerc, NetIO, BlockIO, PIDs],
    ["0B / 0B", "0.00%", "0B / 0B", "0B / 0B", "0"],
  );
});
