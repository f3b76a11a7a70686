/** How fast images are built, from nothing and again. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { inTurn } from "../compare.ts";
import type { Peer } from "../peers/types.ts";
import { BuildEngine, type BuildEngineOptions, type BuildTime } from "./build_engine.ts";
import { changeOne, copySteps, manyFiles, runSteps } from "./contexts.ts";

export interface BuildsOptions extends BuildEngineOptions {
  /** Those that build nothing are left out. */
  readonly peers: readonly Peer[];
  readonly rounds: number;
  /** For contexts. */
  readonly work: string;
  readonly note: (text: string) => void;
}

/** Times by action and engine. */
export type BuildTimes = Readonly<Record<string, Readonly<Record<string, readonly BuildTime[]>>>>;

/** Names of the actions, and how many times as fast as the fastest of the others varve is to be. */
export const aims: Readonly<Record<string, number>> = {
  "5 COPY + 5 ENV, cold": 2,
  "5 COPY + 5 ENV, cached": 3,
  "5 RUN, cold": 2,
  "5 RUN, cached": 3,
  "1 of 40,000 files changed": 1,
};

/** Of what is cached, in each round. */
const repeats = 3;

/** All engines have the base image; each action is done by one after the other, then all again. */
export async function timeBuilds(options: BuildsOptions): Promise<BuildTimes> {
  const { peers, rounds, note } = options;
  await using all = new AsyncDisposableStack();
  const engines: BuildEngine[] = [];
  for (const peer of peers) {
    const engine = all.use(await BuildEngine.start(peer, options));
    if (engine !== undefined) engines.push(engine);
  }
  const large = join(options.work, "contexts", "large");
  manyFiles(large, options.base);
  // A file that was changed within the last two seconds is read again by whoever goes by its time.
  await setTimeout(2500, undefined, { signal: options.signal });
  // Each has a layer of all of them from here on, and its programs in memory.
  for (const engine of engines) await engine.build({ context: large, name: "bench/large", cache: true });
  const times: Record<string, Record<string, BuildTime[]>> = {};
  for (let round = 0; round < rounds; round++) {
    for (const step of steps(options, large, round)) {
      for (const engine of inTurn(engines, round)) {
        for await (const [action, time] of step(engine)) {
          ((times[action] ??= {})[engine.name] ??= []).push(time);
          note(
            `round ${round + 1}  ${action.padEnd(26)} ${engine.name.padEnd(14)} ${time.command.toFixed(0)} ms`,
          );
        }
      }
    }
  }
  return times;
}

/** Actions and what they took. */
type Step = (engine: BuildEngine) => AsyncGenerator<readonly [string, BuildTime]>;

/** What is done in a round; the contexts are the same for all engines, and new in each round. */
function* steps({ work, base }: BuildsOptions, large: string, round: number): Generator<Step> {
  const makers = { "5 COPY + 5 ENV": copySteps, "5 RUN": runSteps };
  for (const [what, make] of Object.entries(makers)) {
    const context = join(work, "contexts", "small");
    mkdirSync(context, { recursive: true });
    make(context, base, round);
    yield coldAndCached(what, context);
    rmSync(context, { recursive: true });
  }
  changeOne(large, round + 1);
  yield async function* (engine) {
    yield [
      "1 of 40,000 files changed",
      await engine.build({ context: large, name: "bench/large", cache: true }),
    ];
  };
}

function coldAndCached(what: string, context: string): Step {
  return async function* (engine) {
    yield [`${what}, cold`, await engine.build({ context, name: "bench/small", cache: false })];
    for (let i = 0; i < repeats; i++)
      yield [`${what}, cached`, await engine.build({ context, name: "bench/small", cache: true })];
  };
}
