/** Limits and devices of `run` and `create`; names, letters and meaning are Docker's. */
import type { Flags } from "../kit/index.ts";

const whole = { kind: "number", integer: true, type: "int" } as const;

/** Also those of `update`. */
export const limitFlags = {
  "blkio-weight": {
    ...whole,
    type: "uint16",
    help: "Block IO (relative weight), between 10 and 1000, or 0 to disable",
  },
  "cpu-period": { ...whole, help: "Limit CPU CFS (Completely Fair Scheduler) period" },
  "cpu-quota": { ...whole, help: "Limit CPU CFS (Completely Fair Scheduler) quota" },
  "cpu-rt-period": { ...whole, help: "Limit CPU real-time period in microseconds" },
  "cpu-rt-runtime": { ...whole, help: "Limit CPU real-time runtime in microseconds" },
  "cpu-shares": { ...whole, short: "c", help: "CPU shares (relative weight)" },
  cpus: { kind: "number", type: "decimal", help: "Number of CPUs" },
  "cpuset-cpus": { kind: "string", type: "string", help: "CPUs in which to allow execution (0-3, 0,1)" },
  "cpuset-mems": { kind: "string", type: "string", help: "MEMs in which to allow execution (0-3, 0,1)" },
  memory: { kind: "bytes", short: "m", help: "Memory limit" },
  "memory-reservation": { kind: "bytes", help: "Memory soft limit" },
  "memory-swap": {
    kind: "bytes",
    help: "Swap limit equal to memory plus swap: '-1' to enable unlimited swap",
  },
  "pids-limit": { ...whole, help: "Tune container pids limit (set -1 for unlimited)" },
} as const satisfies Flags;

export const deviceFlags = {
  "blkio-weight-device": {
    kind: "list",
    type: "list",
    help: "Block IO weight (relative device weight): /dev/sda:300",
  },
  device: { kind: "list", type: "list", help: "Add a host device to the container" },
  "device-cgroup-rule": {
    kind: "list",
    type: "list",
    help: "Add a rule to the cgroup allowed devices list",
  },
  "device-read-bps": {
    kind: "list",
    type: "list",
    help: "Limit read rate (bytes per second) from a device",
  },
  "device-read-iops": {
    kind: "list",
    type: "list",
    help: "Limit read rate (IO per second) from a device",
  },
  "device-write-bps": {
    kind: "list",
    type: "list",
    help: "Limit write rate (bytes per second) to a device",
  },
  "device-write-iops": {
    kind: "list",
    type: "list",
    help: "Limit write rate (IO per second) to a device",
  },
  "memory-swappiness": { ...whole, help: "Tune container memory swappiness (0 to 100)" },
  "oom-kill-disable": { kind: "boolean", help: "Disable OOM Killer" },
  "oom-score-adj": { ...whole, help: "Tune host's OOM preferences (-1000 to 1000)" },
  ulimit: { kind: "list", type: "ulimit", help: "Ulimit options: nofile=1024:2048" },
} as const satisfies Flags;
