/** The commands that look after a registry's storage, beside servers that use it. */
import { isDigest } from "../../oci/index.ts";
import { Failure } from "../../errors.ts";
import { collectGarbage, garbageSummary, type GarbageOptions } from "../gc/collect_garbage.ts";
import { decisionText } from "../gc/decision.ts";
import { findingText } from "../gc/fsck/finding.ts";
import { fsck as checkStorage } from "../gc/fsck/fsck.ts";
import { restoreTag, tagHistory as historyOf } from "../gc/history/tag_history.ts";
import { pullTimes } from "../gc/pulls/pull_times.ts";
import { retention as retainTags } from "../gc/retention/retention.ts";
import { deletedItems, undelete as takeBack } from "../gc/undelete.ts";
import { openStorage } from "../storage/open_storage.ts";
import type { StorageDriver } from "../storage/types.ts";
import { isRegistryUrl } from "./config/maintenance_keys.ts";
import { HealingSources } from "./healing_sources.ts";
import { retentionRules } from "./maintenance/retention_rules.ts";
import { copiesOf } from "./upstreams_for.ts";
import { readSettings, type RegistrySettings } from "./serve.ts";

/** Something for both readers: a line for people, a value for programs. */
export interface Told {
  readonly text: string;
  readonly value: unknown;
}

export interface CareSettings extends RegistrySettings {
  readonly signal: AbortSignal;
  readonly tell: (told: Told) => void;
}

/** Decides about every file, and says why. @throws Failure as `collectGarbage` */
export async function garbageCollect(
  settings: CareSettings,
  options: Pick<GarbageOptions, "dryRun" | "untagged" | "quiet">,
): Promise<void> {
  const config = await readSettings(settings);
  const { grace, trash, uploads } = config.gc;
  const { tell, signal } = settings;
  await withStorage(settings, async (storage) => {
    // Where nobody else is, nobody can be about to use what nothing leads to.
    const wait = { grace: options.quiet === true ? 0 : grace, trash, uploads };
    const run = collectGarbage(storage, { ...wait, ...options, isCopy: copiesOf(config), signal });
    for (;;) {
      const { done, value } = await run.next();
      if (done === true) return tell({ text: garbageSummary(value), value });
      tell({ text: decisionText(value), value });
    }
  });
}

/**
 * Applies the configuration's rules: tags that none of them keeps are condemned, and deleted by a run after their grace.
 * @throws Failure "invalid" where there are no rules
 */
export async function retention(
  settings: CareSettings,
  options: { readonly dryRun: boolean },
): Promise<void> {
  const config = await readSettings(settings);
  const rules = retentionRules(config.retention);
  if (rules.length === 0)
    throw new Failure("invalid", "the configuration has no retention.rules", {
      hint: "A rule: {repositories: [team/*], keep: {last: 10}}",
    });
  const { tell, signal } = settings;
  const counts = { kept: 0, condemned: 0, deleted: 0 };
  await withStorage(settings, async (storage) => {
    const pulls = await pullTimes(storage, Date.now());
    const { grace } = config.retention;
    for await (const decision of retainTags(storage, rules, {
      apply: !options.dryRun,
      grace,
      pulls,
      signal,
    })) {
      if (decision.action in counts) counts[decision.action as keyof typeof counts] += 1;
      tell({ text: decisionText(decision), value: decision });
    }
  });
  const { kept, condemned, deleted } = counts;
  tell({ text: `${kept} tags kept, ${condemned} condemned, ${deleted} deleted`, value: counts });
}

/**
 * Returns 1 if something is wrong and was not healed.
 * @param options.upstreams URLs of registries to heal from, besides the configuration's
 */
export async function fsck(
  settings: CareSettings,
  { repair, upstreams }: { readonly repair: boolean; readonly upstreams: readonly string[] },
): Promise<number> {
  const wrongUrl = upstreams.find((url) => !isRegistryUrl(url));
  if (wrongUrl !== undefined)
    throw new Failure("invalid", `expected a URL such as https://registry.example, found ${wrongUrl}`);
  let wrong = 0;
  const { tell, signal } = settings;
  const config = await readSettings(settings);
  const onProblem = (text: string) => tell({ text: `warning: ${text}`, value: { warning: text } });
  await using sources = new HealingSources(config, onProblem, upstreams);
  const options = { repair, fetchBlob: sources.fetchBlob, isCopy: copiesOf(config), signal };
  await withStorage(settings, async (storage) => {
    for await (const finding of checkStorage(storage, options)) {
      if (finding.outcome !== "healed") wrong += 1;
      tell({ text: findingText(finding), value: finding });
    }
  });
  return wrong > 0 ? 1 : 0;
}

/** @param reference `repository:tag` */
export async function tagHistory(settings: CareSettings, reference: string): Promise<void> {
  const { repository, tag } = taggedName(reference);
  await withStorage(settings, async (storage) => {
    const { current, events } = await historyOf(storage, repository, tag);
    if (events.length === 0) throw new Failure("not-found", `no such tag: ${reference}`);
    for (const event of events) {
      const mark = event.digest === current ? "* " : "  ";
      const by = [event.user, event.remoteAddress].filter((part) => part !== undefined).join(" ");
      const text =
        `${mark}${new Date(event.time).toISOString()} ${event.action} ${event.digest} ${by}`.trimEnd();
      settings.tell({ text, value: { ...event, current: event.digest === current } });
    }
  });
}

/** Lets a tag lead to an earlier manifest again. @param reference `repository:tag` */
export async function tagRestore(settings: CareSettings, reference: string, digest: string): Promise<void> {
  const { repository, tag } = taggedName(reference);
  if (!isDigest(digest)) throw new Failure("invalid", `no digest: ${digest}`);
  await withStorage(settings, async (storage) => {
    await restoreTag(storage, repository, tag, digest, { signal: settings.signal });
    settings.tell({ text: `${reference} -> ${digest}`, value: { repository, tag, digest } });
  });
}

/** @param reference `repository:tag` or `repository@digest`; undefined: lists what can be had back */
export async function undelete(settings: CareSettings, reference: string | undefined): Promise<void> {
  await withStorage(settings, async (storage) => {
    if (reference !== undefined) {
      const [repository = "", digest] = reference.split("@");
      const what = digest === undefined ? taggedName(reference) : { repository, digest };
      if ("digest" in what && !isDigest(what.digest)) throw new Failure("invalid", `no digest: ${digest}`);
      const found = await takeBack(storage, what.repository, what as never, { signal: settings.signal });
      return settings.tell({ text: `${reference} -> ${found}`, value: { ...what, digest: found } });
    }
    for await (const item of deletedItems(storage)) {
      const name =
        item.tag === undefined ? `${item.repository}@${item.digest}` : `${item.repository}:${item.tag}`;
      const text = `${new Date(item.at).toISOString()} ${name} ${item.digest} by ${item.by}`;
      settings.tell({ text, value: item });
    }
  });
}

/** Opens the storage of the settings for `act`. @throws Failure as `readSettings` and `openStorage` */
export async function withStorage(
  settings: CareSettings,
  act: (storage: StorageDriver) => Promise<void>,
): Promise<void> {
  const {
    storage: { driver: name, parameters },
    located,
  } = await readSettings(settings);
  const storage = await located(() => openStorage({ name, parameters }));
  try {
    await act(storage);
  } finally {
    await storage.close?.();
  }
}

function taggedName(reference: string): { readonly repository: string; readonly tag: string } {
  const [, repository, tag] = /^([a-z0-9][a-z0-9._/-]*):([\w][\w.-]{0,127})$/.exec(reference) ?? [];
  if (repository === undefined || tag === undefined)
    throw new Failure("invalid", `expected REPOSITORY:TAG, found ${reference}`);
  return { repository, tag };
}
