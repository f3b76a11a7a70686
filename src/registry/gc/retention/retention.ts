/** Deletes tags by rule; the manifests that lose their last tag are garbage collection's. */
import type { Digest } from "../../../oci/index.ts";
import type { StorageDriver } from "../../storage/types.ts";
import { paths, readLink } from "../../tree.ts";
import type { Decision } from "../decision.ts";
import { hour, systemClock, timeText, type GcClock } from "../gc_clock.ts";
import { GcRun } from "../gc_run.ts";
import { referencesOf } from "../references.ts";
import { digestsIn, repositoryNames, tagNames } from "../tree_files.ts";
import type { PullTimes } from "../pulls/pull_times.ts";
import { matcherOf, type RetentionRule } from "./retention_rule.ts";
import { subjectsOf } from "./subjects.ts";

export interface RetentionOptions {
  /** False: a preview. */
  readonly apply: boolean;
  /** Milliseconds between the decision and the deletion, in which a push of the tag saves it. Default: an hour. */
  readonly grace?: number;
  /** Undefined: pulls are not recorded, and a rule that asks for them keeps all. */
  readonly pulls?: PullTimes | undefined;
  readonly clock?: GcClock;
  readonly signal?: AbortSignal;
}

interface TagState {
  readonly tag: string;
  readonly digest: Digest;
  readonly pushed: number;
  /** What the tag belongs to and goes with. */
  readonly subject: Digest | undefined;
}

type Compiled = RetentionRule & {
  readonly number: number;
  isAbout(repository: string, tag: string): boolean;
  isProtected(tag: string): boolean;
};

/**
 * Runs once, with a decision for each tag that a rule is about. A tag is condemned first and deleted by the first run
 * after its grace that decides the same; it can be undeleted while it is in the trash. Throws `Failure("invalid")` for a
 * bad pattern and failures of the storage.
 */
export async function* retention(
  storage: StorageDriver,
  rules: readonly RetentionRule[],
  options: RetentionOptions,
): AsyncGenerator<Decision> {
  const { apply, grace = hour, clock = systemClock } = options;
  const signal = options.signal ?? new AbortController().signal;
  const run = new GcRun(storage, { dryRun: !apply, grace, trash: 0, clock, signal }, "retention");
  const compiled = rules.map(compile);
  for await (const name of repositoryNames(storage)) {
    signal.throwIfAborted();
    yield* retainIn(run, name, compiled, options);
  }
  await run.withdrawOthers("", (path) => path.endsWith("/current/link"));
}

function compile(rule: RetentionRule, index: number): Compiled {
  const [repositories, tags] = [matcherOf(rule.repositories), matcherOf(rule.tags ?? ["**"])];
  return {
    ...rule,
    number: index + 1,
    isAbout: (repository, tag) => repositories(repository) && tags(tag),
    isProtected: matcherOf(rule.keep.tags ?? []),
  };
}

async function* retainIn(
  run: GcRun,
  name: string,
  rules: readonly Compiled[],
  options: RetentionOptions,
): AsyncGenerator<Decision> {
  const states = await statesOf(run, name);
  const members = rules.some((rule) => rule.keep.inIndex) ? await membersOf(run, states) : new Set<Digest>();
  for (const rule of rules) {
    const about = states.filter(({ tag }) => rules.find((one) => one.isAbout(name, tag)) === rule);
    const versions = about.filter(({ subject }) => subject === undefined);
    const latest = new Set(versions.slice(0, rule.keep.last ?? 0));
    for (const state of about) {
      const kept = latest.has(state)
        ? `one of the last ${rule.keep.last}`
        : await reasonToKeep(run, name, state, rule, members, options);
      const subject = { subject: "tag", repository: name, name: state.tag, digest: state.digest } as const;
      if (kept !== undefined) yield { ...subject, action: "kept", reason: kept };
      else {
        const path = paths.tagCurrent(name, state.tag);
        const decision = await run.dispose({ ...subject, path, why: `not kept by rule ${rule.number}` });
        if (decision.action === "deleted" && options.apply) await forgetIndex(run, name, state.tag);
        yield decision;
      }
    }
  }
}

/** Last pushed first; of the same moment by name, so that a preview decides as the run. */
async function statesOf(run: GcRun, name: string): Promise<TagState[]> {
  const states: TagState[] = [];
  const tags = await tagNames(run.storage, name);
  const subjects = await subjectsOf(run.storage, name, tags);
  for (const tag of tags) {
    const path = paths.tagCurrent(name, tag);
    const digest = readLink(await run.storage.read(path));
    if (digest === undefined) continue;
    const pushed = (await run.storage.stat(path))?.modified ?? run.started;
    states.push({ tag, digest, pushed, subject: subjects.get(tag) });
  }
  return states.sort((a, b) => b.pushed - a.pushed || (a.tag < b.tag ? 1 : -1));
}

async function membersOf(run: GcRun, states: readonly TagState[]): Promise<Set<Digest>> {
  const members = new Set<Digest>();
  for (const digest of new Set(states.map((state) => state.digest))) {
    const bytes = await run.storage.read(paths.blob(digest));
    for (const member of (bytes && referencesOf(bytes)?.manifests) ?? []) members.add(member);
  }
  return members;
}

async function reasonToKeep(
  run: GcRun,
  name: string,
  state: TagState,
  rule: Compiled,
  members: ReadonlySet<Digest>,
  options: RetentionOptions,
): Promise<string | undefined> {
  const { youngerThan, pulledWithin, inIndex } = rule.keep;
  if (state.subject !== undefined) return `belongs to ${state.subject}`;
  if (rule.isProtected(state.tag)) return `protected by rule ${rule.number}`;
  if (youngerThan !== undefined && state.pushed + youngerThan > run.started) {
    return `pushed ${timeText(state.pushed)}`;
  }
  if (inIndex && members.has(state.digest)) return "member of an index that has a tag";
  return pulledWithin === undefined ? undefined : reasonOfPull(name, state, pulledWithin, options);
}

async function reasonOfPull(
  name: string,
  state: TagState,
  within: number,
  { pulls }: RetentionOptions,
): Promise<string | undefined> {
  if (pulls === undefined) return "pulls are not recorded";
  const { kind, at, idle } = await pulls.lastPull(name, state.digest);
  if (idle >= within) return undefined;
  return kind === "pulled" ? `pulled ${timeText(at)}` : `pulls are recorded since ${timeText(at)} only`;
}

/** A push that brings the tag back meanwhile writes its current link last: then the index is its again. */
async function forgetIndex(run: GcRun, name: string, tag: string): Promise<void> {
  for await (const digest of digestsIn(run.storage, paths.tagIndexes(name, tag))) {
    if ((await run.storage.stat(paths.tagCurrent(name, tag))) !== undefined) return;
    await run.storage.remove(paths.tagIndex(name, tag, digest));
  }
}
