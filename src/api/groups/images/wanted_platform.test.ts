import assert from "node:assert/strict";
import { test } from "node:test";
import { daemonFixture } from "../../../../test/support/daemon_fixture.ts";
import { makeImage } from "../../../../test/support/engine_fixture.ts";
import { unlessLinux } from "../../../../test/suites/scratch.ts";

const platform = (architecture: string): string =>
  `platform=${encodeURIComponent(JSON.stringify({ os: "linux", architecture }))}`;

test("B179 of a platform that is asked for", { skip: unlessLinux }, async () => {
  await using fixture = await daemonFixture();
  await makeImage(fixture, { names: ["a:1"], files: { f: "x" } });
  const saved = await fixture.ask(`/images/get?names=a:1&${platform("amd64")}`);
  assert.equal(saved.status, 200);
  const load = async (query: string) =>
    (await fixture.post(`/images/load?${query}`, { body: saved.bytes })).lines();
  assert.deepEqual(await load(platform("amd64")), [{ stream: "Loaded image: a:1\n" }]);
  assert.deepEqual(await load(platform("arm64")), []);
  const other =
    "image with reference a:1 was found but does not match the specified platform: wanted linux/arm64, actual: linux/amd64";
  for (const [path, status, message] of [
    [
      `/images/get?names=a:1&${platform("arm64")}`,
      404,
      "no suitable export target found for platform linux/arm64",
    ],
    [`/images/a:1/json?${platform("arm64")}`, 404, other],
    [`/images/a:1/history?${platform("arm64")}`, 404, other],
    ["/images/a:1/json?platform=x", 400, 'failed to parse platform: "x" is no JSON object'],
    [
      "/images/a:1/json?platform=%7B%22os%22:%22linux%22%7D",
      400,
      "both OS and Architecture must be provided",
    ],
  ] as const) {
    const answer = await fixture.ask(path);
    assert.deepEqual([answer.status, answer.json()], [status, { message }]);
  }
  for (const fits of [platform("amd64"), platform("arm64").replace("platform", "other")])
    assert.equal((await fixture.ask(`/images/a:1/json?${fits}`)).status, 200);
  // Versions that do not know it pass it over.
  assert.equal((await fixture.ask(`/v1.47/images/get?names=a:1&${platform("arm64")}`)).status, 200);
  const pushed = await fixture.post(`/images/a/push?tag=1&${platform("arm64")}`);
  assert.equal(pushed.lines().at(-1)?.["error"], other);
});
