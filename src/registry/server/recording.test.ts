import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { pullTimes } from "../gc/pulls/pull_times.ts";
import { tagHistory } from "../gc/history/tag_history.ts";
import { filesystemStorage } from "../storage/filesystem.ts";
import { readConfig } from "./config/read_config.ts";
import { startServer } from "./start_server.ts";

const bytes = JSON.stringify({
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.index.v1+json",
  manifests: [],
});
const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as const;

/** Pushes a tag as `jo`, pulls it, and stops the server at once. */
async function pushAndPull(root: string, keys: Record<string, unknown>): Promise<void> {
  const storage = { filesystem: { rootdirectory: root } };
  const auth = { silly: { realm: "r", service: "s" } };
  const overrides = { storage, auth, http: { addr: "127.0.0.1:0" }, ...keys };
  const server = await startServer(await readConfig({ environment: {}, overrides }), () => undefined);
  const url = `http://${server.address}/v2/a/b/manifests/v1`;
  const headers = {
    "Content-Type": "application/vnd.oci.image.index.v1+json",
    Authorization: "silly",
    "User-Agent": "test/1",
  };
  assert.equal((await fetch(url, { method: "PUT", body: bytes, headers })).status, 201);
  assert.equal(await (await fetch(url, { headers })).text(), bytes);
  await server.stop();
}

test("who pushed a tag when is in its history, and when it was pulled where a rule asks for it, at the stop at the latest", async () => {
  using held = scratch("recording");
  const storage = filesystemStorage(held.path);
  const before = Date.now();
  await pushAndPull(held.path, {});
  const { events, current } = await tagHistory(storage, "a/b", "v1");
  assert.equal(current, digest);
  const [event] = events;
  assert.deepEqual([event?.action, event?.digest, event?.userAgent], ["pushed", digest, "test/1"]);
  assert.equal(event?.remoteAddress, "127.0.0.1");
  assert.ok(event.time >= before);
  assert.equal(await pullTimes(storage, Date.now()), undefined, "nobody asked for pulls");
  const rules = [{ repositories: ["**"], keep: { pulledwithin: "30d" } }];
  await pushAndPull(held.path, { retention: { rules } });
  const pull = await (await pullTimes(storage, Date.now()))?.lastPull("a/b", digest);
  assert.equal(pull?.kind, "pulled");
  assert.ok(pull.at >= before);
});
