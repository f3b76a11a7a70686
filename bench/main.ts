/** `npm run bench`: varve beside the engines that this machine has. See `--help`. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { compare, type Sample } from "./compare.ts";
import { publish } from "./images/publish.ts";
import type { ImageRecipe } from "./images/recipe.ts";
import { manyLayers, smallFiles, tinyImage } from "./images/synthetic.ts";
import { debianImage, systemSample } from "./images/system.ts";
import { insideWork, removeWork, runIsolated, stopSignal } from "./isolated.ts";
import { timeListings } from "./listing.ts";
import { makeCgroup } from "./measure/cgroup.ts";
import { DiskMaker } from "./measure/disk.ts";
import { median } from "./measure/statistics.ts";
import { type BenchOptions, isChosen, readOptions, usage } from "./options.ts";
import { containerd } from "./peers/containerd.ts";
import { dockerd } from "./peers/dockerd.ts";
import { podman } from "./peers/podman.ts";
import { skopeo } from "./peers/skopeo.ts";
import type { Peer } from "./peers/types.ts";
import { varve, VarveCommand } from "./peers/varve.ts";
import { startRegistry } from "./registry.ts";
import { formatReport, type Report } from "./report.ts";

const imageNames = ["small", "layers", "debian", "listing"];
const peerNames = ["varve", "dockerd", "podman", "ctr", "skopeo"];

function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function bench(options: BenchOptions, work: string, signal: AbortSignal): Promise<Report> {
  const command = new VarveCommand(work);
  const peers = findPeers(options, command);
  const disks = new DiskMaker(work, options.backing);
  using cgroup = makeCgroup(`varve-bench-${process.ppid}`);
  const content = options.keep === undefined ? join(work, "registry") : resolve(options.keep);
  await using registry = await startRegistry({ content, work, cgroup, signal });
  const recipes = recipesOf(options);
  const images = [];
  for (const recipe of recipes) {
    note(`making image ${recipe.name}: ${recipe.title}`);
    images.push({ ...recipe, reference: await publish(registry.address, recipe, work) });
    signal.throwIfAborted();
  }
  readOnce(content);
  note("warming up");
  const first = [{ name: "first", reference: await publish(registry.address, tinyImage(), work) }];
  await compare({ peers, images: first, rounds: 1, disks, signal, onSample: () => undefined });
  const { rounds } = options;
  const samples = await compare({ peers, images, rounds, disks, signal, onSample });
  const count = options.quick ? 20 : 500;
  const listings = isChosen(options, "listing", imageNames)
    ? await timeListings({ varve: command, disks, cgroup, images: count, signal })
    : undefined;
  return {
    circumstances: circumstances(options, peers, registry.name, samples),
    images: recipes,
    samples,
    listings,
  };
}

function findPeers(options: BenchOptions, command: VarveCommand): Peer[] {
  const all = [varve(command), dockerd, podman, containerd, skopeo];
  return all.filter((peer) => {
    if (!isChosen(options, peer.name, peerNames)) return false;
    try {
      peer.version();
      return true;
    } catch {
      note(`${peer.name} is not installed: left out`);
      return false;
    }
  });
}

function recipesOf(options: BenchOptions): ImageRecipe[] {
  const { quick, debian } = options;
  const makers: Record<string, () => ImageRecipe> = {
    small: () => smallFiles(quick),
    layers: () => manyLayers(quick),
    debian: () => (debian === undefined ? systemSample(quick) : debianImage(resolve(debian))),
  };
  return Object.keys(makers)
    .filter((name) => isChosen(options, name, imageNames))
    .map((name) => (makers[name] as () => ImageRecipe)());
}

/** Into the page cache: a disk that reads slowly once would be blamed on who came first. */
function readOnce(content: string): void {
  execFileSync("find", [content, "-type", "f", "-exec", "cat", "{}", "+"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

function onSample({
  image,
  peer,
  round,
  pullSeconds,
  syncSeconds,
  userSeconds,
  systemSeconds,
}: Sample): void {
  const cpu = userSeconds + systemSeconds;
  const [pull, sync] = [pullSeconds.toFixed(2), syncSeconds.toFixed(2)];
  note(
    `round ${round + 1}  ${image.padEnd(7)} ${peer.padEnd(8)} ${pull} s + sync ${sync} s, CPU ${cpu.toFixed(2)} s`,
  );
}

function circumstances(
  { backing, rounds }: BenchOptions,
  peers: readonly Peer[],
  registry: string,
  samples: readonly Sample[],
): string[] {
  const [cpu] = cpus();
  const hasUnpigz = (process.env["PATH"] ?? "")
    .split(delimiter)
    .some((folder) => existsSync(join(folder, "unpigz")));
  const fixed = samples.map(({ fixedJobSeconds }) => fixedJobSeconds);
  const range = `${Math.min(...fixed).toFixed(2)}-${Math.max(...fixed).toFixed(2)}`;
  return [
    `${availableParallelism()} cores (${cpu?.model}), ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    `Stores on fresh ext4 file systems with a journal, on loop devices ${backing === "disk" ? "on the disk" : "in memory"}; registry: ${registry}; medians of ${rounds}.`,
    `"pull" ends when the command does, "sync" is what was left to write; "total" is both. CPU seconds count all children.`,
    `unpigz, which dockerd and containerd would use, is ${hasUnpigz ? "" : "not "}installed.`,
    `A fixed CPU job took ${range} s beside (median ${median(fixed).toFixed(2)}).`,
    ...peers.map((peer) => `  ${peer.name}: ${peer.version()}`),
  ];
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (process.getuid?.() !== 0)
    throw new Error("the benchmark needs root: it mounts disks and starts daemons");
  const work = insideWork();
  if (work === undefined) return runIsolated();
  const signal = stopSignal();
  mkdirSync(work, { recursive: true });
  try {
    const report = await bench(options, work, signal);
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `\n${formatReport(report)}\n`);
    return 0;
  } catch (error) {
    if (signal.aborted) return 130;
    throw error;
  } finally {
    removeWork(work);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  note(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
// The channel to the outer process would keep this one.
if (process.connected) process.disconnect?.();
