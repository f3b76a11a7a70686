import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { digestOf, hexOf } from "../oci/index.ts";
import { openDigestMaps, type SeenRecord } from "./digest_maps.ts";
import { openLocks } from "./locks.ts";
import { storePaths } from "./paths.ts";

const diffId = digestOf("tar");
const blob = digestOf("tar.gz");
const repository = "docker.io/library/alpine";

function open(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "maps-"));
  t.after(() => rmSync(root, { recursive: true }));
  const paths = storePaths(root, "overlay2");
  const byBlob = join(paths.distribution, "diffid-by-digest/sha256", hexOf(blob));
  const byDiff = join(paths.distribution, "v2metadata-by-diffid/sha256", hexOf(diffId));
  const records = () => JSON.parse(readFileSync(byDiff, "utf8")) as SeenRecord[];
  return { paths, byBlob, byDiff, records, maps: openDigestMaps(paths, openLocks(join(root, "locks"))) };
}

test("B143 B144 after a pull both directions are on record, without an HMAC", async (t) => {
  const { maps, byBlob, byDiff, paths } = open(t);
  await maps.add(diffId, { digest: blob, repository });
  assert.equal(readFileSync(byBlob, "utf8"), diffId);
  assert.equal(
    readFileSync(byDiff, "utf8"),
    `[{"Digest":"${blob}","SourceRepository":"${repository}","HMAC":""}]`,
  );
  assert.equal(await maps.diffIdOf(blob), diffId);
  assert.deepEqual(await maps.seenAt(diffId), [{ digest: blob, repository }]);
  for (const file of [byBlob, byDiff]) assert.equal(statSync(file).mode & 0o777, 0o644);
  assert.equal(statSync(paths.distribution).mode & 0o777, 0o700);
  for (const path of ["diffid-by-digest", "diffid-by-digest/sha256", "v2metadata-by-diffid/sha256"])
    assert.equal(statSync(join(paths.distribution, path)).mode & 0o777, 0o755, path);
});

test("B144 after a push the file is what dockerd 20.10 wrote after the same anonymous push", async (t) => {
  const { maps, byDiff, records } = open(t);
  const digest = "sha256:1069e952dd79bdf38d245cab3c62bc012868c69fbe6d431b4bcda91268dd2418";
  // The key is the digest of the credentials' JSON, as text.
  const key = digestOf("{}");
  await maps.add(diffId, { digest, repository: "127.0.0.1:5987/a/sc" }, key);
  const hmac = "b8b70a463edca52b7cd1c94d1ed1417c08a3c48c828ea3d80a46e9d48135b750";
  assert.equal(
    readFileSync(byDiff, "utf8"),
    `[{"Digest":"${digest}","SourceRepository":"127.0.0.1:5987/a/sc","HMAC":"${hmac}"}]`,
  );
  const recomputed = createHmac("sha256", key).update(`${digest}127.0.0.1:5987/a/sc`).digest("hex");
  assert.equal(records()[0]?.HMAC, recomputed);
});

test("B144 the newest is last, a repeated one moves to the end, and fifty are kept", async (t) => {
  const { maps, records } = open(t);
  for (let i = 0; i < 52; i++) await maps.add(diffId, { digest: blob, repository: `r/${i}` });
  assert.deepEqual([records().length, records()[0]?.SourceRepository], [50, "r/2"]);
  await maps.add(diffId, { digest: blob, repository: "r/7" });
  assert.deepEqual([records().length, records().at(-1)?.SourceRepository], [50, "r/7"]);
  assert.deepEqual((await maps.seenAt(diffId))[0], { digest: blob, repository: "r/7" });
});

test("one place with and without credentials is seen once", async (t) => {
  const { maps, records } = open(t);
  await maps.add(diffId, { digest: blob, repository });
  await maps.add(diffId, { digest: blob, repository }, digestOf("{}"));
  assert.equal(records().length, 2);
  assert.deepEqual(await maps.seenAt(diffId), [{ digest: blob, repository }]);
});

test("what is unknown or unreadable is as if it was never seen", async (t) => {
  const { maps, byDiff, byBlob, records } = open(t);
  assert.equal(await maps.diffIdOf(blob), undefined);
  assert.deepEqual(await maps.seenAt(diffId), []);
  await maps.add(diffId, { digest: blob, repository });
  for (const broken of ["", "[", "{}", '[{"Digest":"x"}]', "[null]"]) {
    writeFileSync(byDiff, broken);
    assert.deepEqual(await maps.seenAt(diffId), []);
  }
  writeFileSync(byBlob, "sha256:12");
  assert.equal(await maps.diffIdOf(blob), undefined);
  await maps.add(diffId, { digest: blob, repository });
  assert.equal(records().length, 1);
  assert.equal(await maps.diffIdOf(blob), diffId);
});

test("records added at once are all kept", async (t) => {
  const { maps, records } = open(t);
  const adding = Array.from({ length: 8 }, (_, i) =>
    maps.add(diffId, { digest: blob, repository: `r/${i}` }),
  );
  await Promise.all(adding);
  assert.equal(records().length, 8);
});
