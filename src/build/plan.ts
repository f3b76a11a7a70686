/** Which stages there are, on what each stands, and which of them the target needs. */
import { Failure } from "../errors.ts";
import { expandWord, type Dockerfile, type Instruction, type Stage } from "../dockerfile/index.ts";
import { formatPlatform, parsePlatform, type Platform } from "../oci/index.ts";
import type { BuildOptions } from "./types.ts";

/** What a stage stands on. */
export type StageBase =
  | { readonly kind: "scratch" }
  | { readonly kind: "stage"; readonly index: number }
  | { readonly kind: "image"; readonly name: string }
  /** A named context that is no image. */
  | { readonly kind: "context"; readonly name: string };

export interface PlannedStage {
  readonly index: number;
  /** As messages call it: its name, else its number. */
  readonly name: string;
  readonly stage: Stage;
  readonly base: StageBase;
  readonly platform: Platform;
  /** Stages from which it takes something, its base among them, ascending. */
  readonly needs: readonly number[];
}

export interface Plan {
  readonly stages: readonly PlannedStage[];
  readonly target: number;
  /** The target and all that it needs. */
  readonly needed: ReadonlySet<number>;
  /** Values of the `ARG`s before the first `FROM`. */
  readonly globals: ReadonlyMap<string, string>;
  /** `TARGETPLATFORM` and its like. */
  readonly automatic: ReadonlyMap<string, string>;
}

type PlanOptions = Pick<BuildOptions, "dockerfile" | "buildArgs" | "contexts" | "target" | "mode"> & {
  readonly platform: Platform;
  readonly buildPlatform: Platform;
};

/**
 * Draws up the plan. Nothing is looked up but in the Dockerfile and the options.
 * @throws Failure("invalid") for a target that is not there and a base whose name is empty
 */
export function planBuild(options: PlanOptions): Plan {
  const { dockerfile, contexts } = options;
  const target = targetOf(dockerfile, options.target);
  const automatic = automaticArgs(options, dockerfile.stages[target]?.from.name);
  const globals = globalArgs(dockerfile, automatic, options.buildArgs ?? {});
  const lookup = (name: string): string | undefined => globals.get(name) ?? automatic.get(name);
  const stages: PlannedStage[] = [];
  for (const [index, stage] of dockerfile.stages.entries()) {
    const { from } = stage;
    // The last one of a name counts, but the old builder refuses the second.
    if (
      options.mode === "classic" &&
      stages.some((other) => other.stage.from.name === from.name && from.name)
    ) {
      throw new Failure("invalid", `${from.name as string}: stage name already used`);
    }
    const expand = (text: string): string => expandWord(text, lookup, { escape: dockerfile.escape });
    const image = expand(from.image);
    if (image === "") {
      throw new Failure("invalid", `base name (${from.image}) should not be blank`, {
        hint: `${dockerfile.name}:${from.span.start.line}: give the variable a value, by ARG NAME=default or --build-arg`,
      });
    }
    const platform = from.platform === undefined ? "" : expand(from.platform);
    const base = baseOf(image, stages, contexts);
    stages.push({
      index,
      name: from.name ?? String(index),
      stage,
      base,
      platform: platform === "" ? options.platform : parsePlatform(platform),
      needs: needsOf(stage, base, stages, contexts),
    });
  }
  return { stages, target, needed: neededFor(stages, target), globals, automatic };
}

function targetOf({ stages }: Dockerfile, wanted: string | undefined): number {
  if (wanted === undefined || wanted === "") return stages.length - 1;
  const byName = stages.findLastIndex(({ from }) => from.name === wanted.toLowerCase());
  const index = byName >= 0 ? byName : /^\d+$/.test(wanted) ? Number(wanted) : -1;
  if (index >= 0 && index < stages.length) return index;
  const names = stages.flatMap(({ from }) => from.name ?? []);
  throw new Failure("invalid", `target stage "${wanted}" could not be found`, {
    hint:
      names.length > 0
        ? `The Dockerfile's stages are: ${names.join(", ")}`
        : `No stage has a name; they are numbered from 0 to ${stages.length - 1}`,
  });
}

/** Dockerfile reference, "Automatic platform ARGs in the global scope". */
function automaticArgs(
  { platform, buildPlatform }: Pick<PlanOptions, "platform" | "buildPlatform">,
  stageName: string | undefined,
): Map<string, string> {
  const values = new Map([["TARGETSTAGE", stageName ?? "default"]]);
  for (const [prefix, { os, architecture, variant }] of [
    ["BUILD", buildPlatform],
    ["TARGET", platform],
  ] as const) {
    values.set(`${prefix}PLATFORM`, formatPlatform(prefix === "BUILD" ? buildPlatform : platform));
    values.set(`${prefix}OS`, os);
    values.set(`${prefix}ARCH`, architecture);
    values.set(`${prefix}VARIANT`, variant ?? "");
  }
  return values;
}

function globalArgs(
  { globalArgs: args, escape }: Dockerfile,
  automatic: ReadonlyMap<string, string>,
  given: Readonly<Record<string, string>>,
): Map<string, string> {
  const globals = new Map<string, string>();
  const lookup = (name: string): string | undefined => globals.get(name) ?? automatic.get(name);
  for (const { name, value } of args.flatMap(({ values }) => values)) {
    const chosen =
      given[name] ?? (value === undefined ? automatic.get(name) : expandWord(value, lookup, { escape }));
    if (chosen !== undefined) globals.set(name, chosen);
  }
  return globals;
}

function baseOf(
  image: string,
  before: readonly PlannedStage[],
  contexts: BuildOptions["contexts"],
): StageBase {
  const context = contexts?.get(image);
  if (context !== undefined) {
    return "image" in context ? { kind: "image", name: context.image } : { kind: "context", name: image };
  }
  const index = before.findLastIndex(({ stage }) => stage.from.name === image.toLowerCase());
  if (index >= 0) return { kind: "stage", index };
  return image === "scratch" ? { kind: "scratch" } : { kind: "image", name: image };
}

/** The stage that `--from=NAME` means; undefined: it names an image or a context. */
export function stageCalled(
  name: string,
  before: readonly Pick<PlannedStage, "stage">[],
  contexts: BuildOptions["contexts"],
): number | undefined {
  if (contexts?.has(name) === true) return undefined;
  const named = before.findLastIndex(({ stage }) => stage.from.name === name.toLowerCase());
  if (named >= 0) return named;
  return /^\d+$/.test(name) && Number(name) < before.length ? Number(name) : undefined;
}

function needsOf(
  stage: Stage,
  base: StageBase,
  before: readonly PlannedStage[],
  contexts: BuildOptions["contexts"],
): number[] {
  const needs = new Set<number>(base.kind === "stage" ? [base.index] : []);
  for (const name of stage.instructions.flatMap(takesFrom)) {
    const index = stageCalled(name, before, contexts);
    if (index !== undefined) needs.add(index);
  }
  return [...needs].sort((a, b) => a - b);
}

/** Names after `--from=` of a copy and `from=` of mounts. */
function takesFrom(instruction: Instruction): string[] {
  switch (instruction.kind) {
    case "copy":
    case "add":
      return instruction.from === undefined ? [] : [instruction.from];
    case "run":
      return instruction.mounts.flatMap(({ from }) => from ?? []);
    default:
      return [];
  }
}

function neededFor(stages: readonly PlannedStage[], target: number): Set<number> {
  const needed = new Set<number>();
  const visit = (index: number): void => {
    if (needed.has(index)) return;
    needed.add(index);
    for (const each of stages[index]?.needs ?? []) visit(each);
  };
  visit(target);
  return needed;
}
