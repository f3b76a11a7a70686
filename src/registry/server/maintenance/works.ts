/** What is done by the clock. Each tells what it did in the log as it goes, and returns its sum. */
import { collectGarbage, garbageSummary } from "../../gc/collect_garbage.ts";
import { decisionText, type Decision } from "../../gc/decision.ts";
import { findingText, type Finding } from "../../gc/fsck/finding.ts";
import { fsck } from "../../gc/fsck/fsck.ts";
import { forgetPulls, pullTimes } from "../../gc/pulls/pull_times.ts";
import { retention } from "../../gc/retention/retention.ts";
import { namesIn, repositoryNames } from "../../gc/tree_files.ts";
import type { StorageDriver } from "../../storage/types.ts";
import { paths } from "../../tree.ts";
import type { ServerConfig } from "../config/read_config.ts";
import { HealingSources } from "../healing_sources.ts";
import type { Logger } from "../log/logger.ts";
import type { ServerMetrics } from "../metrics/server_metrics.ts";
import { copiesOf } from "../upstreams_for.ts";
import { retentionRules } from "./retention_rules.ts";

export interface WorkParts {
  readonly config: ServerConfig;
  readonly storage: StorageDriver;
  readonly logger: Logger;
  readonly metrics: ServerMetrics;
}

/** Fields of the line in the log. */
export type Summary = Readonly<Record<string, string | number>>;

/** Tags by rule first: what they led to is condemned in the same run. */
export async function collectWork(parts: WorkParts, signal: AbortSignal): Promise<Summary> {
  const tags = await retainTags(parts, signal);
  const { grace, trash, uploads, untagged } = parts.config.gc;
  const run = collectGarbage(parts.storage, {
    grace,
    trash,
    uploads,
    untagged,
    isCopy: copiesOf(parts.config),
    signal,
  });
  let freed = 0;
  for (;;) {
    const { done, value } = await run.next();
    if (done === true) {
      await forgetPulls(parts.storage, signal);
      return { summary: garbageSummary(value), freed_bytes: freed, tags };
    }
    tellDecision(parts, "garbage collection", value);
    if (value.action !== "purged") continue;
    freed += value.size ?? 0;
    parts.metrics.freedBytes.add(value.size ?? 0);
  }
}

/** Returns how many tags were deleted. */
async function retainTags(parts: WorkParts, signal: AbortSignal): Promise<number> {
  const { dryrun, grace } = parts.config.retention;
  const rules = retentionRules(parts.config.retention);
  if (rules.length === 0) return 0;
  const pulls = await pullTimes(parts.storage, Date.now());
  let deleted = 0;
  for await (const decision of retention(parts.storage, rules, { apply: !dryrun, grace, pulls, signal })) {
    if (dryrun && decision.action !== "kept")
      parts.logger.info("retention would", { decision: decisionText(decision) });
    if (dryrun) continue;
    tellDecision(parts, "retention", decision);
    if (decision.action === "deleted") deleted += 1;
  }
  return deleted;
}

function tellDecision({ logger, metrics }: WorkParts, work: string, decision: Decision): void {
  metrics.garbage.add(1, decision.action, decision.subject);
  if (decision.action !== "kept") logger.info(work, { decision: decisionText(decision) });
}

export async function fsckWork(parts: WorkParts, signal: AbortSignal): Promise<Summary> {
  const { repair, rate } = parts.config.fsck;
  const outcomes = new Map<Finding["outcome"], number>([
    ["found", 0],
    ["healed", 0],
    ["set aside", 0],
  ]);
  const onProblem = (error: string) => parts.logger.warn("nothing to heal from", { error });
  await using sources = new HealingSources(parts.config, onProblem);
  const { fetchBlob } = sources;
  const isCopy = copiesOf(parts.config);
  const options = { repair, fetchBlob, isCopy, ...(rate > 0 && { rate }), signal };
  for await (const finding of fsck(parts.storage, options)) {
    parts.logger.warn("fsck", { finding: findingText(finding) });
    outcomes.set(finding.outcome, (outcomes.get(finding.outcome) ?? 0) + 1);
  }
  for (const [outcome, count] of outcomes) parts.metrics.fsckFindings.set(count, outcome);
  return Object.fromEntries([...outcomes].map(([outcome, count]) => [outcome.replace(" ", "_"), count]));
}

/** Removes sessions that began longer ago than the configuration's `age` (distribution's `uploadpurging`). */
export async function purgeUploads(
  { config, storage, logger }: Omit<WorkParts, "metrics">,
  now: number,
  signal: AbortSignal,
): Promise<Summary> {
  const { age, dryrun } = config.storage.maintenance.uploadpurging;
  let uploads = 0;
  for await (const repository of repositoryNames(storage)) {
    for (const upload of await namesIn(storage, `${paths.repository(repository)}/_uploads`)) {
      signal.throwIfAborted();
      const path = paths.upload(repository, upload);
      const started = await storage.read(`${path}/startedat`);
      const time = Date.parse(Buffer.from(started ?? []).toString());
      if (!(time + age < now)) continue;
      logger.info(dryrun ? "upload would be purged" : "upload purged", { repository, upload });
      if (!dryrun) await storage.remove(path);
      uploads += 1;
    }
  }
  return { uploads };
}
