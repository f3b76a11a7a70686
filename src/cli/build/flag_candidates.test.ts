import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { completeWords } from "../kit/index.ts";
import { program } from "../program.ts";

const complete = async (...words: string[]): Promise<string[]> =>
  (await completeWords(program, ["build", ...words])).candidates.map(({ word }) => word);

test("stages of the Dockerfile that the line names", async () => {
  using directory = scratch("candidates");
  const file = join(directory.path, "D");
  writeFileSync(file, "FROM a AS base\nFROM b\nFROM base AS web\n");
  assert.deepEqual(await complete("-f", file, "--target", ""), ["base", "web"]);
  assert.deepEqual(await complete(`--file=${file}`, "--target=w"), ["--target=web"]);
  assert.deepEqual(await complete(`-f${file}`, "--no-cache-filter", "b"), ["base"]);
  assert.deepEqual(await complete("-f", join(directory.path, "absent"), "--target", ""), []);
});

test("rules, platforms and words of closed sets", async () => {
  assert.deepEqual(await complete("--check-skip", "MissingU"), ["MissingUser"]);
  assert.deepEqual(await complete("--platform", "linux/arm"), ["linux/arm64", "linux/arm/v7"]);
  assert.deepEqual(await complete("--on-error", ""), ["fail", "shell"]);
  assert.deepEqual(await complete("--squash", "--on-e"), ["--on-error"]);
});
