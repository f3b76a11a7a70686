/** What the user may choose. */
import { parseArgs } from "node:util";

/**
 * Where the stores lie: on disks that are sparse files below the temporary directory, or in memory; or in plain
 * directories there, on the machine's own file system.
 */
export type Backing = "disk" | "memory" | "root";

export interface BenchOptions {
  /** Pulls of each image by each engine. */
  readonly rounds: number;
  /** Names of engines, images and parts; undefined: all. */
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

Compares cold pulls of four images from one local registry, and their removal, in turns, by varve with its drivers
erofs (varve) and overlay2 (varve-overlay2) and by the engines that this machine has (dockerd, podman, containerd's
ctr, skopeo + umoci). A pull ends when the image is ready to run; a removal when nothing of it is left.
listing times varve's listings on a store of 500 images; run starts containers of varve and dockerd and reads in them,
also with the machine's caches dropped. build compares builds, from nothing, all cached, and after one file of 40,000
was changed, by varve, dockerd (its classic builder) and buildah (without its cache and with it). registry compares varve's
registry with docker-registry on one tree: large blobs, manifests, pulls by eight clients, and how they grow. engine
compares varve's daemon with dockerd, by the same docker command, and with podman: run --rm, starts and stops of 50
containers, CPU time and memory.
Needs root: every pull gets a fresh ext4 file system with a journal on a loop device.

      --rounds N          pulls of each image by each engine (default 5), and of each build; of run: at least 3
      --only NAMES        with commas, of each line those named, or all if none of it is:
                            varve,varve-overlay2,dockerd,podman,ctr,skopeo,buildah,buildah-layers
                            small,layers,debian,file,listing,run,build,registry,engine
      --backing WHERE     where the loop devices' files lie: disk (default) or memory; root: no loop devices, but
                          directories on the file system of the temporary directory
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
  if (backing !== "disk" && backing !== "memory" && backing !== "root")
    throw new Error(`--backing ${backing}: neither disk, memory nor root`);
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
