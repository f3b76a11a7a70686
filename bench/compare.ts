/** The pulls: every engine, every image, in turns. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Cgroup, makeCgroup } from "./measure/cgroup.ts";
import type { DiskMaker } from "./measure/disk.ts";
import { fixedJob } from "./measure/fixed_job.ts";
import { run } from "./measure/program.ts";
import type { Peer } from "./peers/types.ts";

/** One pull. */
export interface Sample {
  readonly image: string;
  readonly peer: string;
  readonly round: number;
  /** From start to exit of the command or commands. */
  readonly pullSeconds: number;
  /** Of `sync` after it: what the engine left unwritten. */
  readonly syncSeconds: number;
  /** Of all the engine's processes, daemons and their children included, and of the `sync`. */
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** Peak memory of the command's own process, in bytes: of use where there is no daemon. */
  readonly peakMemory: number;
  /** CPU seconds of a job that is always the same, right before. */
  readonly fixedJobSeconds: number;
}

export interface CompareOptions {
  readonly peers: readonly Peer[];
  readonly images: readonly { readonly name: string; readonly reference: string }[];
  readonly rounds: number;
  readonly disks: DiskMaker;
  readonly signal: AbortSignal;
  readonly onSample: (sample: Sample) => void;
}

/** One engine after the other pulls each image, then all again: what drifts on the machine hits all of them. */
export async function compare(options: CompareOptions): Promise<Sample[]> {
  const { peers, images, rounds } = options;
  const samples: Sample[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const image of images) {
      // Nobody is always first.
      const order = peers.map((_, i) => peers[(i + round) % peers.length] as Peer);
      for (const peer of order) {
        const sample = await pullOnce(peer, image, round, options);
        samples.push(sample);
        options.onSample(sample);
      }
    }
  }
  return samples;
}

async function pullOnce(
  peer: Peer,
  image: CompareOptions["images"][number],
  round: number,
  { disks, signal }: CompareOptions,
): Promise<Sample> {
  using disk = disks.make();
  using cgroup = makeCgroup(`varve-bench-${process.ppid}-${peer.name}-${image.name}-${round}`);
  const directory = join(disk.directory, "store");
  mkdirSync(directory);
  await using running = await peer.start({ directory, cgroup, signal });
  await syncDisk(disk.directory, cgroup, signal);
  const fixedJobSeconds = fixedJob();
  const before = cgroup.used();
  let [pullSeconds, peakMemory] = [0, 0];
  for (const command of running.pull(image.reference)) {
    const finished = await run(command, { cgroup, signal, environment: running.environment ?? {} });
    pullSeconds += finished.seconds;
    peakMemory = Math.max(peakMemory, finished.peakMemory);
  }
  const syncSeconds = await syncDisk(disk.directory, cgroup, signal);
  const after = cgroup.used();
  return {
    image: image.name,
    peer: peer.name,
    round,
    pullSeconds,
    syncSeconds,
    userSeconds: after.user - before.user,
    systemSeconds: after.system - before.system,
    peakMemory,
    fixedJobSeconds,
  };
}

async function syncDisk(directory: string, cgroup: Cgroup, signal: AbortSignal): Promise<number> {
  return (await run(["sync", "-f", directory], { cgroup, signal })).seconds;
}
