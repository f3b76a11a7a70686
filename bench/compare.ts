/** The pulls and removals: every engine, every image, in turns. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type Cgroup, makeCgroup } from "./measure/cgroup.ts";
import type { DiskMaker } from "./measure/disk.ts";
import { fixedJob } from "./measure/fixed_job.ts";
import { run } from "./measure/program.ts";
import type { Command, Peer, RunningPeer } from "./peers/types.ts";

/** What commands took, and `sync` after them. */
export interface Cost {
  /** From start to exit of the command or commands. */
  readonly seconds: number;
  /** Of `sync`: what the engine left unwritten. */
  readonly syncSeconds: number;
  /** Of all the engine's processes, daemons and their children included, and of the `sync`. */
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** Peak memory of the command's own process, in bytes: of use where there is no daemon. */
  readonly peakMemory: number;
}

/** One pull, and the removal of what it stored. */
export interface Sample {
  readonly image: string;
  readonly peer: string;
  readonly round: number;
  readonly pull: Cost;
  readonly removal: Cost;
  /** Bytes of the disk in use because of the pull, after it and after the removal; not on shared file systems. */
  readonly stored: number | undefined;
  readonly left: number | undefined;
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
      for (const peer of inTurn(peers, round)) {
        const sample = await pullOnce(peer, image, round, options);
        samples.push(sample);
        options.onSample(sample);
      }
    }
  }
  return samples;
}

/** Nobody is always first, nor always after the same one. */
export function inTurn<T>(all: readonly T[], round: number): T[] {
  const order = all.map((_, i) => all[(i + round) % all.length] as T);
  // Of two, both would undo each other.
  return round % 2 === 0 || all.length < 3 ? order : order.reverse();
}

async function pullOnce(
  peer: Peer,
  image: CompareOptions["images"][number],
  round: number,
  { disks, signal }: CompareOptions,
): Promise<Sample> {
  using disk = disks.make();
  using cgroup = makeCgroup(`${peer.name}-${image.name}-${round}`);
  const directory = join(disk.directory, "store");
  mkdirSync(directory);
  await using running = await peer.start({ directory, cgroup, signal });
  const place: Place = { running, directory, cgroup, signal };
  await sync(place);
  const fixedJobSeconds = fixedJob();
  const empty = disk.used();
  const used = (): number | undefined => (empty === undefined ? undefined : (disk.used() ?? 0) - empty);
  const pull = await costOf(running.pull(image.reference), place);
  const stored = used();
  const removal = await costOf(running.remove(image.reference), place);
  return { image: image.name, peer: peer.name, round, pull, removal, stored, left: used(), fixedJobSeconds };
}

interface Place {
  readonly running: RunningPeer;
  readonly directory: string;
  readonly cgroup: Cgroup;
  readonly signal: AbortSignal;
}

async function costOf(commands: readonly Command[], place: Place): Promise<Cost> {
  const { running, cgroup, signal } = place;
  const before = cgroup.used();
  let [seconds, peakMemory] = [0, 0];
  for (const command of commands) {
    const finished = await run(command, { cgroup, signal, environment: running.environment ?? {} });
    seconds += finished.seconds;
    peakMemory = Math.max(peakMemory, finished.peakMemory);
  }
  const syncSeconds = await sync(place);
  const after = cgroup.used();
  return {
    seconds,
    syncSeconds,
    userSeconds: after.user - before.user,
    systemSeconds: after.system - before.system,
    peakMemory,
  };
}

/** @returns the seconds that it took */
async function sync({ directory, cgroup, signal }: Place): Promise<number> {
  return (await run(["sync", "-f", directory], { cgroup, signal })).seconds;
}
