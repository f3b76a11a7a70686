/** `stats`: once, or every second. */
import { setTimeout } from "node:timers/promises";
import { isFailure } from "../../../errors.ts";
import type { ContainerRecord, HostConfig } from "../../containers/record.ts";
import { never } from "../../time.ts";
import { sampleStats } from "./sample_stats.ts";
import { noCpuStats, noSample, type ContainerStats } from "./stats_shape.ts";

/** Milliseconds between two samples. */
const interval = 1000;

export interface StatsOptions {
  /** `first`: one sample with nothing before it. `once`: one that can be compared with the one before. */
  readonly mode: "stream" | "once" | "first";
  readonly signal: AbortSignal;
}

export interface StatsSubject {
  find(): Promise<ContainerRecord>;
  hostConfigOf(record: ContainerRecord): HostConfig;
}

/** Ends when the container has gone, or nobody wants more. */
export async function* watchStats(
  subject: StatsSubject,
  { mode, signal }: StatsOptions,
): AsyncGenerator<ContainerStats> {
  let before: ContainerStats | undefined;
  for (;;) {
    const found = await look(subject).catch((error: unknown) => {
      if (before !== undefined && isFailure(error, "not-found")) return undefined;
      throw error;
    });
    if (found === undefined) return;
    const { record, hostConfig } = found;
    const now = statsOf(record, hostConfig, before);
    const isFirstOfTwo = mode === "once" && before === undefined && record.State.Running;
    if (!isFirstOfTwo) yield now;
    if (mode !== "stream" && !isFirstOfTwo) return;
    before = now;
    if (!(await waited(signal))) return;
  }
}

async function look(
  subject: StatsSubject,
): Promise<{ readonly record: ContainerRecord; readonly hostConfig: HostConfig }> {
  const record = await subject.find();
  return { record, hostConfig: subject.hostConfigOf(record) };
}

function statsOf(
  record: ContainerRecord,
  hostConfig: HostConfig,
  before: ContainerStats | undefined,
): ContainerStats {
  const { Running, Pid } = record.State;
  const isRunning = Running && Pid > 0;
  const { networks, pids_stats, blkio_stats, cpu_stats, memory_stats } = isRunning
    ? sampleStats(Pid, hostConfig.NetworkMode !== "host")
    : noSample;
  return {
    read: isRunning ? microTime() : never,
    preread: before?.read ?? never,
    pids_stats,
    blkio_stats,
    num_procs: 0,
    storage_stats: {},
    cpu_stats,
    precpu_stats: before?.cpu_stats ?? noCpuStats,
    memory_stats,
    name: record.Name,
    id: record.ID,
    ...(networks && { networks }),
  };
}

function microTime(): string {
  const microseconds = Math.round((performance.timeOrigin + performance.now()) * 1000);
  const second = new Date(Math.floor(microseconds / 1000)).toISOString().slice(0, 19);
  return `${second}.${String(microseconds % 1_000_000).padStart(6, "0")}Z`;
}

async function waited(signal: AbortSignal): Promise<boolean> {
  try {
    await setTimeout(interval, undefined, { signal });
    return true;
  } catch {
    return false;
  }
}
