import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { isFailure } from "../../errors.ts";
import { composeAccess } from "./compose_access.ts";
import { basic, outcome, scope } from "./testing.test.ts";

const sample = join(import.meta.dirname, "../../../examples/access_controller.ts");

test("B171 the sample controller decides on user, repository and action", async () => {
  using dir = scratch("custom");
  const keys = join(dir.path, "keys.json");
  writeFileSync(keys, JSON.stringify({ [createHash("sha256").update("k-1").digest("hex")]: "team" }));
  await using access = await composeAccess({
    custom: { module: sample, options: { keys, realm: "machines" } },
  });
  const { controller } = access;
  assert.equal(await outcome(controller, undefined), '401 UNAUTHORIZED Basic realm="machines"');
  assert.equal(await outcome(controller, basic("any", "k-2")), '401 UNAUTHORIZED Basic realm="machines"');
  assert.equal(await outcome(controller, basic("any", "k-1")), "200 team");
  assert.equal(await outcome(controller, basic("any", "k-1"), scope("team/app", "pull", "push")), "200 team");
  assert.equal(await outcome(controller, basic("any", "k-1"), scope("other/app", "pull")), "200 team");
  assert.equal(
    await outcome(controller, basic("any", "k-1"), scope("other/app", "pull", "push")),
    "403 DENIED",
  );
});

test("what goes wrong in a module lets nobody in", async () => {
  using dir = scratch("custom");
  const load = (name: string, text: string) => {
    const module = join(dir.path, name);
    writeFileSync(module, text);
    return composeAccess({ custom: { module } });
  };
  const mistakes: [text: string, message: RegExp][] = [
    ["export const x = 1;", /has no function as its default export$/],
    ["export default () => ({});", /gives no object with a method "authorize"$/],
    ["export default () => null;", /gives no object with a method "authorize"$/],
    ["this is no module", /^auth\.custom\.module: cannot load /],
  ];
  for (const [index, [text, message]] of mistakes.entries())
    await assert.rejects(
      load(`bad${index}.mjs`, text),
      (error) => isFailure(error, "invalid") && message.test(error.message),
      text,
    );
  await assert.rejects(
    composeAccess({ custom: { module: "no-such-package" } }),
    /cannot load no-such-package/,
  );
  const silent = await load("silent.mjs", "export default () => ({ authorize() {} });");
  await assert.rejects(outcome(silent.controller, undefined), /gives no identity$/);
  const broken = await load(
    "broken.mjs",
    "export default () => ({ authorize() { throw new Error('broken'); } });",
  );
  await assert.rejects(outcome(broken.controller, undefined), /^Error: broken$/);
});

test("a package's name is looked for from the working directory", async () => {
  using dir = scratch("custom");
  const folder = join(dir.path, "node_modules/my-access");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"name":"my-access","type":"module","main":"main.js"}');
  writeFileSync(
    join(folder, "main.js"),
    "export default ({ user }) => ({ authorize: async () => ({ user, groups: [] }) });",
  );
  const before = process.cwd();
  process.chdir(dir.path);
  try {
    const access = await composeAccess({ custom: { module: "my-access", options: { user: "jo" } } });
    assert.equal(await outcome(access.controller, undefined), "200 jo");
  } finally {
    process.chdir(before);
  }
});
