/** The most memory that a process holds within some time. */
import { readFileSync, writeFileSync } from "node:fs";

export interface PeakMemory {
  /** Bytes in memory, with what is only a part of the program's file and of libraries. */
  readonly resident: number;
  /** Bytes that are the process' own: looked at every 10 ms, since the kernel keeps no peak of them. */
  readonly anonymous: number;
}

export interface MemoryWatch extends Disposable {
  peak(): PeakMemory;
}

const interval = 10;
/** Lets the kernel forget the peak so far (proc(5), `clear_refs`). */
const forgetPeak = "5";

export function watchMemory(pid: number): MemoryWatch {
  writeFileSync(`/proc/${pid}/clear_refs`, forgetPeak);
  let anonymous = 0;
  const look = () => (anonymous = Math.max(anonymous, field(pid, "RssAnon")));
  look();
  const timer = setInterval(look, interval);
  return {
    peak: () => ({ resident: field(pid, "VmHWM"), anonymous }),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function field(pid: number, name: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1024;
}
