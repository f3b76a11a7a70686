/** `npm run bench`: varve beside the engines that this machine has. See `--help`. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { timeBuilds, type BuildTimes } from "./builds/time_builds.ts";
import { describe } from "./circumstances.ts";
import { compare, type Cost, type Sample } from "./compare.ts";
import { timeContainers } from "./containers.ts";
import { timeEngines, type EngineOptions, type EngineTimes } from "./engines/time_engines.ts";
import { bigFile } from "./images/big_file.ts";
import { publish } from "./images/publish.ts";
import type { ImageRecipe } from "./images/recipe.ts";
import { buildBase, runnable, runsAlone } from "./images/runnable.ts";
import { manyLayers, smallFiles, tinyImage } from "./images/synthetic.ts";
import { debianImage, systemSample } from "./images/system.ts";
import { runIsolated, stopSignal } from "./isolated.ts";
import { timeListings } from "./listing.ts";
import { makeCgroup } from "./measure/cgroup.ts";
import { DiskMaker } from "./measure/disk.ts";
import { findProgram } from "./measure/program.ts";
import { type BenchOptions, isChosen, readOptions, usage } from "./options.ts";
import { findPeers } from "./peers/find_peers.ts";
import type { Peer } from "./peers/types.ts";
import { VarveCommand } from "./peers/varve.ts";
import { systemLayers } from "./registries/system_image.ts";
import { timeRegistries } from "./registries/time_registries.ts";
import { startRegistry } from "./registry.ts";
import { formatReport, type Report } from "./report.ts";
import { insideWork, removeWork } from "./work.ts";

const imageNames = ["small", "layers", "debian", "file", "listing", "run", "build", "registry", "engine"];
function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function bench(options: BenchOptions, work: string, stop: AbortSignal): Promise<Report> {
  const command = new VarveCommand(work);
  const { pulling: peers, building: builders } = findPeers(options, command, note);
  const disks = new DiskMaker(work, options.backing);
  using cgroup = makeCgroup("bench");
  const content = options.keep === undefined ? join(work, "registry") : resolve(options.keep);
  await using registry = await startRegistry({ content, work, cgroup, signal: stop });
  const signal = AbortSignal.any([stop, registry.ended]);
  const recipes = recipesOf(options);
  const published = async (recipe: ImageRecipe) => {
    note(`making image ${recipe.name}: ${recipe.title}`);
    signal.throwIfAborted();
    return { ...recipe, reference: await publish(registry.address, recipe, work) };
  };
  const images = [];
  for (const recipe of recipes) images.push(await published(recipe));
  const runRecipe = runnableOf(options, work);
  const runImage = runRecipe && (await published(runRecipe));
  readOnce(content);
  const { rounds } = options;
  const samples: Sample[] = [];
  if (images.length > 0 || runImage !== undefined) {
    note("warming up");
    const first = await publish(registry.address, tinyImage(), work);
    const warming = [{ name: "first", reference: first }];
    await compare({ peers, images: warming, rounds: 1, disks, signal, onSample: () => undefined });
    samples.push(...(await compare({ peers, images, rounds, disks, signal, onSample })));
  }
  const count = options.quick ? 20 : 500;
  const listings = isChosen(options, "listing", imageNames)
    ? await timeListings({ varve: command, disks, images: count, signal })
    : undefined;
  if (runImage !== undefined) note("starting containers");
  const containerRounds = options.quick ? rounds : Math.max(3, rounds);
  const containers = runImage && {
    title: runImage.title,
    times: await timeContainers({ ...runImage, peers, disks, rounds: containerRounds, signal }),
  };
  const builds = await buildsOf(options, { peers: builders, published, disks, work, signal });
  if (isChosen(options, "registry", imageNames)) note("registries");
  const registries = isChosen(options, "registry", imageNames)
    ? await timeRegistries({
        varve: command,
        image: systemLayers(options.quick),
        disks,
        quick: options.quick,
        rounds,
        signal,
        note,
      })
    : undefined;
  const engines = await enginesOf(options, { varve: command, disks, work, signal });
  const about = {
    peers: [...new Set([...peers, ...(builds === undefined ? [] : builders)])],
    stores: disks.title,
    registry: registry.name,
    rounds,
    samples,
  };
  return {
    circumstances: describe(about),
    images: recipes.map(({ name, title }) => ({ name, title })),
    samples,
    listings,
    containers,
    builds,
    registries,
    engines,
  };
}

async function enginesOf(
  options: BenchOptions,
  parts: Pick<EngineOptions, "varve" | "disks" | "work" | "signal">,
): Promise<EngineTimes | undefined> {
  if (!isChosen(options, "engine", imageNames)) return undefined;
  const busybox = busyboxFor("engine", parts.work);
  if (busybox === undefined) return undefined;
  note("engines");
  return timeEngines({ ...parts, busybox, rounds: options.rounds, quick: options.quick, note });
}

interface BuildsParts {
  readonly peers: readonly Peer[];
  readonly published: (recipe: ImageRecipe) => Promise<{ readonly reference: string }>;
  readonly disks: DiskMaker;
  readonly work: string;
  readonly signal: AbortSignal;
}

async function buildsOf(
  options: BenchOptions,
  { published, ...parts }: BuildsParts,
): Promise<BuildTimes | undefined> {
  if (!isChosen(options, "build", imageNames)) return undefined;
  const busybox = busyboxFor("build", parts.work);
  if (busybox === undefined) return undefined;
  note("building");
  const { reference } = await published(buildBase(busybox));
  return timeBuilds({ ...parts, base: reference, rounds: options.rounds, note });
}

function recipesOf(options: BenchOptions): ImageRecipe[] {
  const { quick, debian } = options;
  const makers: Record<string, () => ImageRecipe> = {
    small: () => smallFiles(quick),
    layers: () => manyLayers(quick),
    debian: () => (debian === undefined ? systemSample(quick) : debianImage(resolve(debian))),
    file: () => bigFile(quick),
  };
  return Object.keys(makers)
    .filter((name) => isChosen(options, name, imageNames))
    .map((name) => (makers[name] as () => ImageRecipe)());
}

function runnableOf(options: BenchOptions, work: string): ImageRecipe | undefined {
  if (!isChosen(options, "run", imageNames)) return undefined;
  const busybox = busyboxFor("run", work);
  return busybox === undefined ? undefined : runnable(options.quick, busybox);
}

function busyboxFor(part: string, work: string): string | undefined {
  const busybox = findProgram("busybox");
  if (busybox !== undefined && runsAlone(busybox, work)) return busybox;
  note(`${part}: no statically linked busybox is installed: left out`);
  return undefined;
}

/** Into the page cache: a disk that reads slowly once would be blamed on who came first. */
function readOnce(content: string): void {
  execFileSync("find", [content, "-type", "f", "-exec", "cat", "{}", "+"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

function onSample({ image, peer, round, pull, removal }: Sample): void {
  const cpu = (pull.userSeconds + pull.systemSeconds).toFixed(2);
  const cost = ({ seconds, syncSeconds }: Cost): string =>
    `${seconds.toFixed(2)} s + sync ${syncSeconds.toFixed(2)} s`;
  note(
    `round ${round + 1}  ${image.padEnd(7)} ${peer.padEnd(14)} ${cost(pull)}, CPU ${cpu} s; removed in ${cost(removal)}`,
  );
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
