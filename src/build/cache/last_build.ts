/**
 * What each step of the last build depended on: `ROOT/varve/build-cache/last/<hex>.json`, one file for each context,
 * Dockerfile and target. Only a memory aid for people: it is not synced, and what cannot be read is not there.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { digestOf, goJson, hexOf, parseJson } from "../../oci/index.ts";
import { buildCacheFolder, writeUnsynced, type Store } from "../../store/index.ts";
import type { StepFacts } from "./step_facts.ts";

/** Which builds are one after the other. */
export interface BuildName {
  /** What the context is: a directory's path, a URL. */
  readonly context: string;
  readonly dockerfile: string;
  readonly target?: string;
}

export interface RememberedStep {
  /** Name or number of the stage, and number of the step in it. */
  readonly stage: string;
  readonly step: number;
  readonly facts: StepFacts;
}

export interface LastBuild {
  readonly steps: readonly RememberedStep[];
}

const version = 1;
/** Of one file. Beyond it the largest lists of files are left out. */
const maxBytes = 2 << 20;
/** Builds that are remembered; the oldest go. */
const maxBuilds = 100;

/** Undefined where there was none, or its memory is damaged. */
export function readLastBuild(store: Pick<Store, "root">, name: BuildName): LastBuild | undefined {
  try {
    const found = parseJson(readFileSync(pathOf(store, name)), { maxBytes }) as Record<string, unknown>;
    const steps: unknown = found["version"] === version ? found["steps"] : undefined;
    return Array.isArray(steps) ? { steps: steps.filter(isStep) } : undefined;
  } catch {
    return undefined;
  }
}

/** Remembers a build, in place of the one before. What cannot be written is not remembered. */
export function writeLastBuild(store: Pick<Store, "root">, name: BuildName, build: LastBuild): void {
  const path = pathOf(store, name);
  try {
    mkdirSync(lastFolder(store), { recursive: true, mode: 0o700 });
    writeUnsynced(path, encode(build), 0o600);
    dropOldest(lastFolder(store));
  } catch {
    // A full disk says so where it matters.
  }
}

/** The step of the last build that is meant by the same line: the same text, nearest by; else the same place. */
export function sameStep(
  build: LastBuild | undefined,
  { stage, step, text }: { readonly stage: string; readonly step: number; readonly text: string },
): StepFacts | undefined {
  const ofStage = (build?.steps ?? []).filter((each) => each.stage === stage);
  const sameText = ofStage
    .filter(({ facts }) => facts.text === text)
    .sort((a, b) => Math.abs(a.step - step) - Math.abs(b.step - step));
  return (sameText[0] ?? ofStage.find((each) => each.step === step))?.facts;
}

function lastFolder(store: Pick<Store, "root">): string {
  return join(buildCacheFolder(store.root), "last");
}

function pathOf(store: Pick<Store, "root">, { context, dockerfile, target }: BuildName): string {
  return join(lastFolder(store), `${hexOf(digestOf(goJson([context, dockerfile, target ?? ""])))}.json`);
}

function encode({ steps }: LastBuild): string {
  const sized = steps.map((step) => ({ step, bytes: Buffer.byteLength(JSON.stringify(step)) }));
  const total = (): number => sized.reduce((sum, { bytes }) => sum + bytes + 1, 64);
  for (const each of sized.toSorted((a, b) => b.bytes - a.bytes)) {
    if (total() <= maxBytes) break;
    const { files, ...facts } = each.step.facts;
    if (files !== undefined) each.step = { ...each.step, facts };
    each.bytes = Buffer.byteLength(JSON.stringify(each.step));
  }
  return JSON.stringify({ version, steps: sized.map(({ step }) => step) });
}

function dropOldest(folder: string): void {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  if (names.length <= maxBuilds) return;
  const byAge = names
    .map((name) => ({ name, time: statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => a.time - b.time);
  for (const { name } of byAge.slice(0, names.length - maxBuilds))
    rmSync(join(folder, name), { force: true });
}

function isStep(value: unknown): value is RememberedStep {
  if (!isObject(value) || !isObject(value["facts"])) return false;
  const { text, below, args, env, inputs, content, files } = value["facts"];
  return (
    typeof value["stage"] === "string" &&
    typeof value["step"] === "number" &&
    typeof text === "string" &&
    typeof below === "string" &&
    [args, env, inputs].every(isObject) &&
    (content === undefined || typeof content === "string") &&
    (files === undefined || isObject(files))
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
