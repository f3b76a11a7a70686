import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../../test/suites/scratch.ts";
import type { Failure } from "../../../errors.ts";
import { retentionRules } from "../maintenance/retention_rules.ts";
import { readConfig } from "./read_config.ts";

async function read(yaml: string) {
  using held = scratch("config");
  const file = join(held.path, "registry.yml");
  writeFileSync(file, `version: 0.1\nstorage: inmemory\n${yaml}\n`);
  return await readConfig({ environment: {}, file });
}

const hour = 3_600_000;
const day = 24 * hour;

test("what the server does by the clock, as a file says it", async () => {
  const { gc, fsck, retention, warnings } = await read(`
gc: {interval: 24h, at: 03:30, grace: 2h, trash: 14d, untagged: true}
fsck: {interval: 7d, at: 4:00, repair: true, rate: 1000000}
retention:
  dryrun: true
  rules:
    - repositories: [team/*]
      tags: [main, /v\\d+/]
      keep: {last: 5, youngerthan: 30d, pulledwithin: 60d, tags: [main], inindex: true}
    - {repositories: ["**"], keep: {last: 0}}`);
  assert.deepEqual(warnings, []);
  assert.deepEqual([gc.interval, gc.at, gc.trash], [day, 3.5 * hour, 14 * day]);
  assert.deepEqual([fsck.interval, fsck.at, fsck.repair, fsck.rate], [7 * day, 4 * hour, true, 1_000_000]);
  assert.equal(retention.dryrun, true);
  const keep = { last: 5, youngerThan: 30 * day, pulledWithin: 60 * day, tags: ["main"], inIndex: true };
  assert.deepEqual(retentionRules(retention), [
    { repositories: ["team/*"], tags: ["main", "/v\\d+/"], keep },
    { repositories: ["**"], keep: { last: 0, tags: [] } },
  ]);
});

const wrong: readonly (readonly [yaml: string, message: RegExp])[] = [
  ["gc: {interval: 1h, at: 03:30}", /:3: gc\.at: a time of day needs an interval of whole days/],
  ["gc: {interval: 24h, at: 24:00}", /gc\.at: expected a time of day in UTC such as 03:30, found/],
  [
    "fsck: {upstreams: [{remoteurl: 'https://a:secret@b.example'}]}",
    /upstreams\.0\.remoteurl: expected a URL such as/,
  ],
  [
    "fsck: {upstreams: [{remoteurl: 'https://b.example/v2/'}]}",
    /upstreams\.0\.remoteurl: expected a URL such as/,
  ],
  ["fsck: {upstreams: [{remoteurl: 'https://b.example', username: a}]}", /username and password go together/],
  ["retention: {rules: [{keep: {last: 1}}]}", /retention\.rules\.0\.repositories: is missing: \*\* is all/],
  ["retention: {rules: [{repositories: [a]}]}", /rules\.0\.keep: is missing: .*say last: 0/],
  ["retention: {rules: [{repositories: [a], keep: {inindex: no}}]}", /rules\.0\.keep: is missing/],
  ["retention: {rules: [{repositories: [a], last: 1}]}", /rules\.0\.last: unknown key/],
  [
    "retention: {rules: [{repositories: [a], keep: {pulledwithin: 1h}}]}",
    /keep\.pulledwithin: .* a day is the least/,
  ],
  [
    "retention: {rules: [{repositories: [/(/], keep: {last: 1}}]}",
    /repositories: invalid pattern \/\(\/: no regular/,
  ],
];

for (const [yaml, message] of wrong) {
  test(`refused: ${yaml}`, async () => {
    const failure = await read(yaml).then(
      () => assert.fail("taken"),
      (error: Failure) => error,
    );
    assert.match(`${failure.message}\n${failure.hint}`, message);
  });
}

test("rules that only a command applies are no mistake, but told", async () => {
  const { warnings } = await read("retention: {rules: [{repositories: [a], keep: {last: 1}}]}");
  assert.match(warnings.join(), /retention\.rules: are applied by `registry retention` only/);
});
