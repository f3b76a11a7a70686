import assert from "node:assert/strict";
import { test } from "node:test";
import type { Failure } from "../../../errors.ts";
import { readConfig } from "./read_config.ts";

const read = (keys: object) => readConfig({ environment: {}, overrides: { storage: "inmemory", ...keys } });

/** All that is wrong with it. */
const wrongs = (keys: object) =>
  read(keys).then(
    () => "",
    ({ message, hint }: Failure) => [message, hint ?? ""].join("\n").replaceAll("configuration: ", "").trim(),
  );

test("B172 limits, immutable tags and the disk's guard are read, with sizes in either kind of unit", async () => {
  const limits = [
    { repositories: "**", per: "namespace", bytes: "1.5GiB" },
    { repositories: "team/**", bytes: "10 GB", tags: 500 },
    { repositories: "team/web", per: "repository", bytes: 512 },
  ];
  const immutable = [{ repositories: ["release/**"], tags: ["v*"] }];
  const policy = { immutable, diskguard: { free: "2.5%" } };
  const config = await read({ quota: { recount: "1m", limits }, policy, storage: { filesystem: {} } });
  assert.deepEqual(config.quota, {
    recount: 60_000,
    limits: [
      { repositories: "**", per: "namespace", bytes: 1.5 * 2 ** 30, tags: undefined },
      { repositories: "team/**", per: "pattern", bytes: 10e9, tags: 500 },
      { repositories: "team/web", per: "repository", bytes: 512, tags: undefined },
    ],
  });
  assert.deepEqual(config.policy.immutable, immutable);
  assert.deepEqual(config.policy.diskguard.free, { kind: "percent", percent: 2.5 });
  const bytes = await read({ policy: { diskguard: { free: "1KiB" } }, storage: { filesystem: {} } });
  assert.deepEqual(bytes.policy.diskguard.free, { kind: "bytes", bytes: 1024 });
});

const size = "expected bytes such as 500MB or 10GiB, found";
const strange: readonly [object, string][] = [
  [{ quota: { limits: [{ bytes: "1GB" }] } }, "quota.limits.0.repositories: is missing: ** is all of them"],
  [
    { quota: { limits: [{ repositories: "a" }] } },
    "quota.limits.0: limits nothing: both bytes and tags are missing",
  ],
  [
    { quota: { limits: [{ repositories: "Team/${user}", tags: 1 }] } },
    'quota.limits.0.repositories: no repository can fit "Team/${user}"',
  ],
  [{ quota: { limits: [{ repositories: "a", bytes: "10G" }] } }, `quota.limits.0.bytes: ${size} "10G"`],
  [
    {
      quota: {
        limits: [
          { repositories: "a", bytes: 1 },
          { repositories: "a", tags: 1 },
        ],
      },
    },
    "quota.limits.1: never holds: quota.limits.0 is for the same repositories",
  ],
  [
    { quota: { limits: [{ repositories: "a", tags: 1, per: "team" }] } },
    'quota.limits.0.per: expected one of pattern, namespace, repository, found "team"',
  ],
  [
    { policy: { immutable: [{ repositories: ["a"] }] } },
    "policy.immutable.0.tags: is missing: * is all of them",
  ],
  [
    { policy: { immutable: [{ tags: ["a b"] }] } },
    'policy.immutable.0.repositories: is missing: ** is all of them\npolicy.immutable.0.tags: no tag can fit "a b"',
  ],
  [
    { policy: { diskguard: { free: "10GiB" } } },
    "policy.diskguard: storage.inmemory has no disk: only filesystem has",
  ],
  [
    { policy: { diskguard: { free: "100%" } } },
    'policy.diskguard.free: expected bytes such as 10GiB, or a part such as 5%, found "100%"',
  ],
];
for (const [keys, message] of strange) {
  test(`refused: ${JSON.stringify(keys)}`, async () => {
    const found = await wrongs(keys);
    for (const line of message.split("\n")) assert.ok(found.includes(line), `${line} is not in\n${found}`);
  });
}
