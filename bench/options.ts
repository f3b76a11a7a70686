/** What the user may choose. */
import { parseArgs } from "node:util";

/** Where the disks of the stores lie: sparse files below the temporary directory, or memory. */
export type Backing = "disk" | "memory";

export interface BenchOptions {
  /** Pulls of each image by each engine. */
  readonly rounds: number;
  /** Names of engines and images; undefined: all. */
  readonly only: ReadonlySet<string> | undefined;
  /** Small images and one round: to see whether it works, not to compare. */
  readonly quick: boolean;
  readonly json: boolean;
  readonly backing: Backing;
  /** Root of a Debian system to take for the large image. */
  readonly debian: string | undefined;
  /** Folder in which the images stay for the next run. */
  readonly keep: string | undefined;
  readonly help: boolean;
}

export const usage = `Usage: npm run bench -- [OPTIONS]

Compares cold pulls of three images from one local registry, in turns, by varve and by the engines that this machine
has (dockerd, podman, containerd's ctr, skopeo + umoci), and times varve's listings on a store of 500 images.
Needs root: every pull gets a fresh ext4 file system with a journal on a loop device.

      --rounds N          pulls of each image by each engine (default 5)
      --only NAMES        engines and images, with commas: varve,dockerd,podman,ctr,skopeo small,layers,debian listing
      --backing WHERE     where the loop devices' files lie: disk (default) or memory
      --debian DIR        root of a Debian system for the large image, such as debootstrap makes;
                          default: a sample of this machine's /usr of about 800 MB
      --keep DIR          keep the images there for the next run
      --quick             one round of small images, to see whether all works
      --json              print the measurements as JSON
`;

/** @throws Error for what is no option, or no number */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string" },
      only: { type: "string" },
      backing: { type: "string", default: "disk" },
      debian: { type: "string" },
      keep: { type: "string" },
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { backing, quick } = values;
  const rounds = values.rounds === undefined ? (quick ? 1 : 5) : Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new Error(`--rounds ${values.rounds}: not a number of rounds`);
  if (backing !== "disk" && backing !== "memory")
    throw new Error(`--backing ${backing}: neither disk nor memory`);
  return {
    rounds,
    only: values.only === undefined ? undefined : new Set(values.only.split(",")),
    quick,
    json: values.json,
    backing,
    debian: values.debian,
    keep: values.keep,
    help: values.help,
  };
}

/** Engines and images are chosen apart: naming engines only means all images, and the other way round. */
export function isChosen(options: BenchOptions, name: string, among: readonly string[]): boolean {
  const { only } = options;
  if (only === undefined || !among.some((each) => only.has(each))) return true;
  return only.has(name);
}
