/** What was measured, on what, and how. */
import { availableParallelism, cpus, release, totalmem } from "node:os";
import type { Sample } from "./compare.ts";
import { findProgram } from "./measure/program.ts";
import { median } from "./measure/statistics.ts";
import type { Peer } from "./peers/types.ts";

export interface Circumstances {
  readonly peers: readonly Peer[];
  /** What the stores lie on. */
  readonly stores: string;
  readonly registry: string;
  readonly rounds: number;
  readonly samples: readonly Sample[];
}

/** As sentences. */
export function describe({ peers, stores, registry, rounds, samples }: Circumstances): string[] {
  const [cpu] = cpus();
  const fixed = samples.map(({ fixedJobSeconds }) => fixedJobSeconds);
  const range = `${Math.min(...fixed).toFixed(2)}-${Math.max(...fixed).toFixed(2)}`;
  return [
    `${availableParallelism()} cores (${cpu?.model}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    `Stores in ${stores}; registry: ${registry}; medians of ${rounds}.`,
    `"pull" ends when the command does and the image is ready to run, "sync" is what was left to write, "total" is both;`,
    `"rmi" removes all of the image, of varve's the compressed layers too, which it would keep.`,
    `"disk" is what the pull added to the disk, "left" what was there after rmi. Ratios are to varve.`,
    `CPU seconds are the pull's and count all children.`,
    `unpigz, which dockerd and containerd would use, is ${findProgram("unpigz") === undefined ? "not " : ""}installed.`,
    ...(fixed.length === 0
      ? []
      : [`A fixed CPU job took ${range} s beside (median ${median(fixed).toFixed(2)}).`]),
    ...peers.map((peer) => `  ${peer.name}: ${peer.version()}`),
  ];
}
