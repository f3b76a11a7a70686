import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { manifestOf, pushSmallImage, serveOn } from "../../../test/suites/registry_requests.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { digestOf } from "../../oci/index.ts";
import { filesystemStorage } from "../storage/filesystem.ts";
import type { Told } from "./care.ts";
import { usage } from "./usage.ts";

test("B172 registry usage tells of each limit what is used, and fails without limits", async () => {
  using directory = scratch("usage");
  const data = join(directory.path, "data");
  {
    await using registry = await serveOn({ storage: filesystemStorage(data) });
    await pushSmallImage(registry.origin, "team/a", "v1");
    await pushSmallImage(registry.origin, "team/b", "v1");
    await pushSmallImage(registry.origin, "other", "v1");
  }
  const config = join(directory.path, "config.yml");
  const told: Told[] = [];
  const tell = (each: Told) => void told.push(each);
  const settings = { config, environment: {}, signal: new AbortController().signal, tell };
  const storage = `version: 0.1\nstorage: {filesystem: {rootdirectory: ${data}}}\n`;
  writeFileSync(
    config,
    `${storage}quota: {limits: [{repositories: "team/**", bytes: 1KiB, tags: 5}, {repositories: other, tags: 1}]}\n`,
  );
  await usage(settings);
  // Config and manifest, which both have.
  const size = 2 + manifestOf(digestOf("{}")).length;
  assert.deepEqual(
    told.map(({ text }) => text),
    [
      `repositories other: ${size} B, 1 of 1 tags, 1 repository`,
      `repositories team/**: ${size} B of 1 KiB, 2 of 5 tags, 2 repositories`,
    ],
  );
  const [first] = told.map(({ value }) => value as { readonly tags: object });
  assert.deepEqual(first?.tags, { limit: 1, used: 1, promised: 0 });
  writeFileSync(config, storage);
  await assert.rejects(usage(settings), { message: "the configuration has no quota.limits" });
});
