import assert from "node:assert/strict";
import { test } from "node:test";
import { pushBlob, refusal, serveOn } from "../../test/suites/registry_requests.ts";
import { digestOf } from "../oci/index.ts";
import type { AccessController, Scope } from "./access/types.ts";
import type { PushPlan } from "./hooks.ts";
import { RegistryError } from "./registry_error.ts";
import { memoryStorage } from "./storage/memory.ts";

const post = (origin: string, name: string, plan: unknown, headers: Record<string, string> = {}) =>
  fetch(`${origin}/v2/${name}/_varve/plan`, { method: "POST", body: JSON.stringify(plan), headers });

test("B172 a plan: what is there, what can be mounted and from where, what must be sent, as the policy is told", async () => {
  const plans: PushPlan[] = [];
  const policy = { beforePush: async (plan: PushPlan) => void plans.push(plan) };
  await using registry = await serveOn({ storage: memoryStorage(), policy });
  const { origin } = registry;
  assert.equal((await fetch(`${origin}/v2/`)).headers.get("varve-extensions"), "plan");
  const there = await pushBlob(origin, "a/b", "there");
  const elsewhere = await pushBlob(origin, "c", "elsewhere");
  const manifest = { digest: digestOf("m"), size: 1 };
  const blobs = [
    { digest: there, size: 1 },
    { digest: elsewhere, size: 9, from: ["none", "../..", "c"] },
    { digest: digestOf("new"), size: 3 },
    { digest: digestOf("new"), size: 3 },
  ];
  const answer = await post(origin, "a/b", { blobs, manifest, tags: ["v1"] });
  const planned = [
    { digest: there, size: 5, state: "present" },
    { digest: elsewhere, size: 9, state: "mountable", from: "c" },
    { digest: digestOf("new"), size: 3, state: "missing" },
  ];
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { blobs: planned });
  const [{ actor, ...told } = { actor: undefined }] = plans;
  assert.equal(actor?.method, "POST");
  assert.deepEqual(told, { repository: "a/b", blobs: planned, manifest, tags: ["v1"] });
});

test("B172 a plan tells nothing of repositories that the client may not pull, and needs the right to push", async () => {
  let asked: readonly Scope[] = [];
  const access: AccessController = {
    authorize: async ({ needed, request }) => {
      asked = needed;
      const isRoot = request.headers.authorization === "root";
      if (!isRoot && needed.some(({ name }) => name === "secret")) throw new RegistryError("DENIED");
      return { user: undefined, groups: [] };
    },
  };
  await using registry = await serveOn({ storage: memoryStorage(), access });
  const { origin } = registry;
  const digest = digestOf("s");
  const path = `${origin}/v2/secret/blobs/uploads/?digest=${digest}`;
  await fetch(path, { method: "POST", body: "s", headers: { Authorization: "root" } });
  const plan = { blobs: [{ digest, size: 1, from: ["secret"] }] };
  const states = async (authorization: string) => {
    const answer = await post(origin, "open", plan, { Authorization: authorization });
    return ((await answer.json()) as { blobs: { state: string }[] }).blobs.map(({ state }) => state);
  };
  assert.deepEqual(await states("jo"), ["missing"]);
  assert.deepEqual(await states("root"), ["mountable"]);
  assert.deepEqual(await refusal(post(origin, "secret", plan)), [403, "DENIED"]);
  assert.deepEqual(asked, [{ type: "repository", name: "secret", actions: ["pull", "push"] }]);
});

const digest = digestOf("x");
const strange: readonly unknown[] = [
  null,
  [],
  { blobs: {} },
  { blobs: [null] },
  { blobs: [{ digest: "x", size: 1 }] },
  { blobs: [{ digest, size: -1 }] },
  { blobs: [{ digest, size: "1" }] },
  { blobs: Array.from({ length: 1001 }, () => ({ digest, size: 1 })) },
  { blobs: [], tags: ["../x"] },
  { blobs: [], tags: "v1" },
  { blobs: [], manifest: {} },
];
test("what is no plan is refused, and so is another method", async () => {
  await using registry = await serveOn({ storage: memoryStorage() });
  for (const plan of strange) {
    const answer = await post(registry.origin, "a", plan);
    assert.deepEqual(await refusal(answer), [400, "UNSUPPORTED"], JSON.stringify(plan)?.slice(0, 80));
  }
  const large = post(registry.origin, "a", { blobs: [], more: "x".repeat(2 << 20) });
  assert.deepEqual(await refusal(large), [400, "SIZE_INVALID"]);
  assert.equal((await fetch(`${registry.origin}/v2/a/_varve/plan`)).status, 405);
});
