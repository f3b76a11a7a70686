import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestOf, putManifest, serveOn } from "../../../test/suites/registry_requests.ts";
import { unlessAll } from "../../../test/suites/scratch.ts";
import { digestOf } from "../../oci/index.ts";
import { memoryStorage } from "../storage/memory.ts";
import { Quota } from "./quota.ts";
import type { QuotaRule } from "./quota_rules.ts";

const hour = 3_600_000;
const rules: readonly QuotaRule[] = [
  { repositories: "**", per: "namespace", bytes: 2000, tags: 3 },
  { repositories: "team/a", per: "repository", bytes: 1200, tags: 2 },
];
const names = ["team/a", "team/b", "team", "other/a"];
const blobs = ["{}", ...Array.from({ length: 9 }, (_, i) => `${i}`.padEnd(100 + i * 70, "x"))];

/** Numbers below `n`, the same ones for the same seed (xorshift). */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

type Step = (origin: string, name: string, below: (n: number) => number) => Promise<Response>;

const anyOf = <T>(list: readonly T[], below: (n: number) => number) => list[below(list.length)] as T;
const sentTo = (url: string, method: string, body?: string) => fetch(url, { method, ...(body && { body }) });

const steps: readonly Step[] = [
  (origin, name, below) => {
    const body = anyOf(blobs, below);
    return sentTo(`${origin}/v2/${name}/blobs/uploads/?digest=${digestOf(body)}`, "POST", body);
  },
  async (origin, name, below) => {
    const begun = await sentTo(`${origin}/v2/${name}/blobs/uploads/`, "POST");
    const url = begun.headers.get("location");
    if (url === null) return begun;
    const [body, end] = [anyOf(blobs, below), below(4)];
    const sent = await sentTo(url, "PATCH", body);
    if (sent.status !== 202 || end === 0) return sent;
    if (end === 1) return sentTo(url, "DELETE");
    return sentTo(`${url}?digest=${digestOf(end === 2 ? "wrong" : body)}`, "PUT");
  },
  (origin, name, below) => {
    const from = anyOf(names, below);
    const digest = digestOf(anyOf(blobs, below));
    return sentTo(`${origin}/v2/${name}/blobs/uploads/?mount=${digest}&from=${from}`, "POST");
  },
  (origin, name, below) => {
    const bytes = manifestOf(digestOf(anyOf(blobs, below)), { artifactType: `a/${below(3)}` });
    const key = below(4) === 0 ? digestOf(bytes) : `v${below(4)}`;
    return putManifest(origin, name, key, bytes);
  },
  (origin, name, below) => sentTo(`${origin}/v2/${name}/blobs/${digestOf(anyOf(blobs, below))}`, "DELETE"),
  async (origin, name, below) => {
    const url = `${origin}/v2/${name}/manifests`;
    const tag = `v${below(4)}`;
    if (below(2) === 0) return sentTo(`${url}/${tag}`, "DELETE");
    const digest = (await sentTo(`${url}/${tag}`, "HEAD")).headers.get("docker-content-digest") ?? tag;
    return sentTo(`${url}/${digest}`, "DELETE");
  },
];

for (const seed of [1, 22, 333, 4444]) {
  const skip = seed > 22 && unlessAll;
  test(
    `B172 whatever is pushed, mounted, deleted, broken off and refused: the use is what the tree says (${seed})`,
    { skip },
    async (t) => {
      t.mock.timers.enable({ apis: ["Date"], now: 1e12 });
      const below = numbers(seed);
      const storage = memoryStorage();
      const options = { storage, rules, grace: hour, recount: 1e9, onProblem: assert.ifError };
      const quota = new Quota(options);
      await using registry = await serveOn({ storage, policy: quota.policy, hooks: quota.hooks });
      const statuses = new Set<number>();
      for (let i = 0; i < 120; i++) {
        // Each in a repository of its own: of two that undo each other the events may come in either order.
        const places = names.filter(() => below(2) === 0);
        const together = places.map((name) =>
          anyOf(steps, below)(registry.origin, name, numbers(1 + below(1e9))),
        );
        for (const answer of await Promise.all(together)) {
          statuses.add(answer.status);
          await answer.body?.cancel();
        }
        t.mock.timers.tick(below(hour / 8));
        const counted = await quota.report();
        const tree = await new Quota(options).report();
        const used = (reports: typeof tree) =>
          reports.map(({ pool, bytes, tags, repositories }) => [pool, bytes.used, tags.used, repositories]);
        assert.deepEqual(used(counted), used(tree), `step ${i}`);
        for (const { bytes, tags } of tree)
          assert.ok(bytes.used <= bytes.limit! && tags.used <= (tags.limit ?? 9));
      }
      for (const status of [201, 202, 204, 400, 403, 404]) assert.ok(statuses.has(status), String(status));
    },
  );
}
