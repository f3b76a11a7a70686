import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../../oci/index.ts";
import { isFailure } from "../../../errors.ts";
import { HandClock, putImage } from "../../../../test/support/registry_tree.ts";
import { resolveTag } from "../../manifest_store.ts";
import { memoryStorage } from "../../storage/memory.ts";
import { collectGarbage } from "../collect_garbage.ts";
import { day } from "../gc_clock.ts";
import { recordingHooks, restoreTag, tagHistory } from "./tag_history.ts";

test("a tag's history tells who pushed what and when; without records the tree tells what and when", async () => {
  const storage = memoryStorage();
  const clock = new HandClock();
  const hooks = recordingHooks(storage, (error) => assert.ifError(error), clock);
  const first = await putImage(storage, "a", "v1", { label: "1", layers: [] });
  const second = await putImage(storage, "a", "v1", { label: "2", layers: [] });
  hooks.onEvent({
    action: "push",
    kind: "manifest",
    repository: "a",
    tag: "v1",
    digest: second,
    time: new Date(clock.now() + 1000),
    identity: { user: "ann", groups: [] },
    requestId: "1",
    method: "PUT",
    remoteAddress: "192.0.2.1",
    userAgent: "skopeo",
    host: "registry.example",
  });
  await hooks[Symbol.asyncDispose]();
  const { current, events } = await tagHistory(storage, "a", "v1");
  assert.equal(current, second);
  const who = { user: "ann", remoteAddress: "192.0.2.1", userAgent: "skopeo" };
  assert.deepEqual(events[0], { action: "pushed", digest: second, time: clock.now() + 1000, ...who });
  assert.deepEqual([events[1]?.digest, events[1]?.user, events.length], [first, undefined, 2]);
});

test("a tag is restored to what it led to before, out of the trash if need be", async () => {
  const storage = memoryStorage();
  const clock = new HandClock();
  const first = await putImage(storage, "a", "v1", { label: "1", layers: ["one"] });
  await putImage(storage, "a", "v1", { label: "2", layers: [] });
  const quiet = { quiet: true, grace: 0, trash: day, untagged: true, clock };
  for await (const _ of collectGarbage(storage, quiet));
  await restoreTag(storage, "a", "v1", first, { clock, user: "bob" });
  assert.equal(await resolveTag(storage, "a", "v1"), first);
  const { events } = await tagHistory(storage, "a", "v1");
  assert.ok(
    events.some(({ action, digest, user }) => action === "restored" && digest === first && user === "bob"),
  );
  await assert.rejects(restoreTag(storage, "a", "v1", digestOf("other"), { clock }), (error) =>
    isFailure(error, "not-found"),
  );
});
