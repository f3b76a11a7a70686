import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../../errors.ts";
import { HandClock, putImage, putIndex } from "../../../../test/support/registry_tree.ts";
import { listTags, removeTag, resolveTag, writeTag } from "../../manifest_store.ts";
import { memoryStorage } from "../../storage/memory.ts";
import type { StorageDriver } from "../../storage/types.ts";
import { guardOf } from "../blob_guard.ts";
import { decisionText, type Decision } from "../decision.ts";
import { day, hour } from "../gc_clock.ts";
import { guardedStorage } from "../guarded_storage.ts";
import { keepBook, pullTimes, recordPull } from "../pulls/pull_times.ts";
import { undelete } from "../undelete.ts";
import { retention, type RetentionOptions } from "./retention.ts";
import type { RetentionRule } from "./retention_rule.ts";

const everywhere = { repositories: ["**"] };

async function tagged(tags: readonly string[]): Promise<StorageDriver> {
  const storage = memoryStorage();
  for (const tag of tags) await putImage(storage, "team/app", tag, { label: tag, layers: [] });
  return storage;
}

async function retain(storage: StorageDriver, rules: readonly RetentionRule[], options: RetentionOptions) {
  return Array.fromAsync<Decision>(retention(storage, rules, options));
}

async function kept(storage: StorageDriver, rules: readonly RetentionRule[], options = {}) {
  const decisions = await retain(storage, rules, { apply: false, grace: 0, ...options });
  return decisions
    .filter(({ action }) => action === "kept")
    .map(({ name }) => name)
    .sort();
}

test("rules keep the last, the young, the protected, members of an index and what was pulled", async () => {
  const storage = await tagged(["v1", "v2", "v3"]);
  const member = (await resolveTag(storage, "team/app", "v1"))!;
  await putIndex(storage, "team/app", "multi", [member]);
  const later = new HandClock();
  later.time += 30 * day;
  const tags = ["v*"];
  assert.equal((await kept(storage, [{ ...everywhere, tags, keep: { last: 2 } }])).length, 2);
  assert.equal((await kept(storage, [{ ...everywhere, tags, keep: { youngerThan: day } }])).length, 3);
  const old = { clock: later };
  assert.deepEqual(await kept(storage, [{ ...everywhere, tags, keep: { youngerThan: day } }], old), []);
  assert.deepEqual(await kept(storage, [{ ...everywhere, tags, keep: { tags: ["/v[13]/"] } }]), ["v1", "v3"]);
  assert.deepEqual(await kept(storage, [{ ...everywhere, tags, keep: { inIndex: true } }]), ["v1"]);
  const pulled = [{ ...everywhere, tags, keep: { pulledWithin: day } }];
  assert.equal((await kept(storage, pulled, old)).length, 3, "pulls that nobody recorded may have been");
  await keepBook(storage, later.time - 20 * day, true);
  const v2 = (await resolveTag(storage, "team/app", "v2"))!;
  await recordPull(storage, "team/app", v2, later.time - hour);
  for (let ago = 20; ago >= 0; ago -= 1 / 12) await keepBook(storage, later.time - ago * day, true);
  const pulls = await pullTimes(storage, later.time);
  assert.deepEqual(await kept(storage, pulled, { ...old, pulls }), ["v2"]);
});

test("the first rule that is about a tag decides, and a tag without a rule stays", async () => {
  const storage = await tagged(["main", "pr-1", "pr-2"]);
  const rules = [
    { repositories: ["team/*"], tags: ["pr-1"], keep: { last: 9 } },
    { repositories: ["team/*"], tags: ["pr-*"], keep: {} },
    { repositories: ["*"], keep: {} },
  ];
  const decisions = await retain(storage, rules, { apply: true, grace: 0 });
  assert.deepEqual(
    decisions.map(decisionText).map((text) => text.replace(/@sha256:\w+| since.*/g, "")),
    ["kept: tag team/app: one of the last 9", "deleted: tag team/app: not kept by rule 2"],
  );
  assert.deepEqual(await listTags(storage, "team/app"), ["main", "pr-1"]);
});

test("what belongs to a manifest stays with it, and is none of the last", async () => {
  const storage = await tagged(["v1"]);
  const digest = (await resolveTag(storage, "team/app", "v1"))!;
  await putIndex(storage, "team/app", digest.replace(":", "-"), []);
  await putIndex(storage, "team/app", `${digest.replace(":", "-")}.sig`, []);
  const stale = `sha256-${"0".repeat(64)}.sig`;
  await putIndex(storage, "team/app", stale, []);
  const rules = [
    { ...everywhere, tags: ["v*"], keep: { last: 1 } },
    { ...everywhere, keep: { last: 0 } },
  ];
  const names = [digest.replace(":", "-"), `${digest.replace(":", "-")}.sig`, "v1"];
  assert.deepEqual(await kept(storage, rules), names);
  const decisions = await retain(storage, rules, { apply: true, grace: 0 });
  const gone = decisions.find(({ name }) => name === stale);
  assert.equal(gone?.action, "deleted");
});

test("a preview decides what the run decides, and changes nothing", async () => {
  const storage = await tagged(["v1", "v2", "v3"]);
  const clock = new HandClock();
  const rules = [{ ...everywhere, keep: { last: 1 } }];
  for (const wait of [0, 2 * hour]) {
    clock.time += wait;
    const preview = await retain(storage, rules, { apply: false, clock });
    assert.equal((await listTags(storage, "team/app")).length, 3);
    assert.deepEqual(await retain(storage, rules, { apply: true, clock }), preview);
  }
  assert.equal((await listTags(storage, "team/app")).length, 1);
});

test("a push of a condemned tag saves it; a deleted one can be undeleted", async () => {
  const plain = await tagged(["v1", "v2"]);
  const clock = new HandClock();
  const rules = [{ ...everywhere, keep: {} }];
  await retain(plain, rules, { apply: true, clock });
  const digest = (await resolveTag(plain, "team/app", "v1"))!;
  const { storage } = guardedStorage(plain, guardOf(plain, clock));
  clock.time += 2 * hour;
  await writeTag(storage, "team/app", "v1", digest, { onlyNew: false });
  await retain(plain, rules, { apply: true, clock });
  assert.deepEqual(await listTags(plain, "team/app"), ["v1"]);
  assert.equal(await resolveTag(storage, "team/app", "v2"), undefined);
  await undelete(plain, "team/app", { tag: "v2" }, { clock });
  assert.deepEqual(await listTags(plain, "team/app"), ["v1", "v2"]);
  await removeTag(storage, "team/app", "v2");
  assert.equal(await resolveTag(storage, "team/app", "v2"), undefined);
});

test("a pattern that is no regular expression is refused", async () => {
  const rules = [{ repositories: ["/(/"], keep: {} }];
  await assert.rejects(retain(memoryStorage(), rules, { apply: false }), (error) =>
    isFailure(error, "invalid"),
  );
});
