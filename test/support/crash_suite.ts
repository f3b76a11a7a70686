/** A suite of things that a daemon is killed in the middle of, at each step with VARVE_LIVE=all. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { unlessAll } from "../suites/scratch.ts";
import { noStep, type CrashScene, type Deed } from "./crash_scene.ts";

export interface Crash {
  /** Undefined: what has to be asked is known when `first` is done. */
  readonly deed: Deed | ((scene: CrashScene) => Promise<Deed>);
  /** Those at which it is killed without VARVE_LIVE=all: each of another kind. */
  readonly some?: readonly number[];
  /** Brings it about that the act can be done. */
  readonly first?: (scene: CrashScene) => Promise<unknown>;
  /** What the next daemon makes of it. @param deed to be asked for again */
  readonly expect: (scene: CrashScene, deed: Deed) => Promise<void>;
}

/**
 * After each kill the next daemon is asked what it makes of it; when all has been removed then, nothing may be left.
 * @param make a scene for all of them
 */
export function crashSuite(
  title: string,
  skip: string | false,
  ways: Readonly<Record<string, Crash>>,
  make: () => Promise<CrashScene>,
): void {
  suite(title, { skip }, () => {
    let scene: CrashScene;
    let clean: string[] | undefined;
    before(async () => {
      scene = await make();
      // What is there when it has all been done once.
      const whole = Object.values(ways).filter(({ some }) => unlessAll === false || some !== undefined);
      for (const way of whole) await crash({ ...way, expect: async () => undefined }, noStep);
      clean = scene.left();
    });
    after(() => scene[Symbol.asyncDispose]());

    /** @returns the step; undefined: there are no more */
    async function crash(way: Crash, step: number): Promise<string | undefined> {
      await way.first?.(scene);
      const deed = typeof way.deed === "function" ? await way.deed(scene) : way.deed;
      const at = await scene.killedAt(step, deed);
      try {
        await way.expect(scene, deed);
        await scene.tidy();
        if (clean !== undefined) assert.deepEqual(scene.left(), clean);
      } catch (cause) {
        await scene.tidy().catch(() => undefined);
        throw new Error(`killed at step ${step} (${at}): ${(cause as Error).message}`, { cause });
      }
      return at;
    }

    for (const [name, way] of Object.entries(ways)) {
      const { some } = way;
      test(`in the middle of ${name}`, { skip: some === undefined && unlessAll }, async (t) => {
        const failures: Error[] = [];
        for (const step of unlessAll === false ? everyStep() : (some ?? [])) {
          try {
            const at = await crash(way, step);
            t.diagnostic(`${step}: ${at ?? "the end"}`);
            if (at === undefined) break;
          } catch (error) {
            if (failures.push(error as Error) > few) break;
          }
        }
        throwAll(failures);
      });
    }
  });
}

/** One step's failure may bring about those of all that follow. */
const few = 4;

function throwAll(failures: readonly Error[]): void {
  if (failures.length > 1)
    throw new AggregateError(failures, failures.map(({ message }) => message).join("\n"));
  if (failures[0] !== undefined) throw failures[0];
}

/** VARVE_STEP=70 goes on where another run has failed. */
function* everyStep(): Generator<number> {
  for (let step = Number(process.env["VARVE_STEP"] ?? 1); ; step++) yield step;
}
