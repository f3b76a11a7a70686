import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { isFailure } from "../errors.ts";
import { digestOf, hexOf } from "../oci/index.ts";
import { ensureDirectory } from "./atomic_write.ts";
import { openImageDb } from "./image_db.ts";
import { modes, storePaths } from "./paths.ts";

const diffId = digestOf("layer");
const bytes = (config: unknown) => Buffer.from(JSON.stringify(config));
/** Pulled configs come in any spelling: this one has blanks, a strange order and a field nobody knows. */
const pulled = Buffer.from(
  `{ "rootfs": {"diff_ids": ["${diffId}"], "type": "layers"},  "os":"linux", "x":[1], "architecture":"amd64"}`,
);

async function open(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), "images-"));
  t.after(() => rmSync(root, { recursive: true }));
  const paths = storePaths(root, "overlay2");
  await ensureDirectory(paths.configs, modes.private);
  await ensureDirectory(paths.configMetadata, modes.private);
  return { paths, images: openImageDb(paths, (chainId) => chainId === diffId) };
}

test("B132 a config is kept byte for byte in a file named by its sha256, mode 0600", async (t) => {
  const { paths, images } = await open(t);
  const id = await images.put(pulled);
  assert.equal(id, digestOf(pulled));
  const file = join(paths.configs, hexOf(id));
  assert.deepEqual(readFileSync(file), pulled);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const image = await images.get(id);
  assert.deepEqual(image, { id, bytes: pulled, config: JSON.parse(pulled.toString()) });
});

test("texts of a config that are null are not there when it is read, as in Docker; its bytes stay", async (t) => {
  const { images } = await open(t);
  const rootfs = { type: "layers", diff_ids: null };
  const bytes = Buffer.from(
    JSON.stringify({
      created: null,
      rootfs,
      config: { User: null },
      history: [{ created: null, empty_layer: true }],
    }),
  );
  const image = await images.get(await images.put(bytes));
  assert.deepEqual(image?.config, { rootfs, config: {}, history: [{ empty_layer: true }] });
  assert.deepEqual(image.bytes, bytes);
});

test("put is idempotent, and repairs a config that was damaged", async (t) => {
  const { images, paths } = await open(t);
  const id = await images.put(pulled);
  const { ino } = statSync(paths.config(id));
  await images.put(pulled);
  assert.equal(statSync(paths.config(id)).ino, ino);
  writeFileSync(paths.config(id), "{}");
  await assert.rejects(images.get(id), (error) => isFailure(error, "corrupt"));
  await images.put(pulled);
  assert.deepEqual((await images.get(id))?.bytes, pulled);
  assert.deepEqual(await images.list(), [id]);
});

test("B133 parent and lastUpdated lie in metadata/, 0600 in a 0700 directory, without a line feed", async (t) => {
  const { images, paths } = await open(t);
  const parent = await images.put(pulled);
  const child = await images.put(bytes({ rootfs: { type: "layers" }, os: "linux" }), { parent });
  assert.equal(readFileSync(join(paths.metadata(child), "parent"), "utf8"), parent);
  assert.equal(existsSync(paths.metadata(parent)), false, "an image that was never tagged has no metadata");

  assert.deepEqual(await images.parents(), new Map([[child, parent]]));

  await images.markUpdated(child);
  const written = readFileSync(join(paths.metadata(child), "lastUpdated"), "utf8");
  assert.match(written, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$/);
  assert.ok(Math.abs(Date.parse(written) - Date.now()) < 60_000, written);
  assert.equal(statSync(paths.metadata(child)).mode & 0o777, 0o700);
  assert.equal(statSync(join(paths.metadata(child), "parent")).mode & 0o777, 0o600);
  const image = await images.get(child);
  assert.deepEqual([image?.parent, image?.lastUpdated], [parent, written]);
});

test("removing an image takes its metadata, and its children have no parent any more, as in Docker", async (t) => {
  const { images, paths } = await open(t);
  const parent = await images.put(pulled);
  const child = await images.put(bytes({ rootfs: { type: "layers" } }), { parent });
  await images.markUpdated(parent);
  await images.remove(parent);
  assert.deepEqual(await images.list(), [child]);
  assert.equal(await images.get(parent), undefined);
  assert.equal(existsSync(paths.metadata(parent)), false);
  assert.equal((await images.get(child))?.parent, undefined);
  await assert.rejects(images.markUpdated(parent), {
    kind: "not-found",
    message: `No such image: ${parent}`,
  });
});

test("a config whose layers are not registered is refused", async (t) => {
  const { images, paths } = await open(t);
  const config = bytes({ rootfs: { type: "layers", diff_ids: [digestOf("elsewhere")] } });
  await assert.rejects(images.put(config), (error) => isFailure(error, "not-found"));
  assert.equal(existsSync(paths.config(digestOf(config))), false);
});

test("a config that is none is refused and leaves no trace", async (t) => {
  const { images } = await open(t);
  const rootfs = { type: "layers", diff_ids: [] };
  const cases: [string, Buffer, RegExp][] = [
    ["nothing", Buffer.from(""), /cannot read image config/],
    ["a list", bytes([]), /no JSON object/],
    ["no rootfs", bytes({}), /no rootfs/],
    ["diff_ids as text", bytes({ rootfs: { diff_ids: "x" } }), /diff_ids are no list/],
    ["a path as diff ID", bytes({ rootfs: { diff_ids: ["sha256:../../etc"] } }), /is no diff ID/],
    ["a null diff ID", bytes({ rootfs: { diff_ids: [null] } }), /is no diff ID/],
    ["history as an object", bytes({ rootfs, history: {} }), /history is no list/],
    [
      "more rows than layers",
      bytes({ rootfs, history: [{}] }),
      /too many non-empty layers in History section/,
    ],
    ["null rows", bytes({ rootfs, history: [null] }), /history/],
    ["depth", Buffer.from(`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`), /nested deeper/],
  ];
  for (const [what, config, message] of cases) {
    await assert.rejects(images.put(config), { kind: "corrupt", message }, what);
  }
  assert.deepEqual(await images.list(), []);
});

test("files of others in imagedb/content are not images", async (t) => {
  const { images, paths } = await open(t);
  for (const name of [".tmp-x", `${"a".repeat(64)}.tmp`, "README"])
    writeFileSync(join(paths.configs, name), "");
  assert.deepEqual(await images.list(), []);
});

test("an ID that is no digest never becomes a path", async (t) => {
  const { images } = await open(t);
  for (const id of ["sha256:../../../etc/passwd", "../x", ""])
    await assert.rejects(images.get(id as never), (error) => isFailure(error, "invalid"));
  await assert.rejects(images.get(digestOf("x", "sha512")), (error) => isFailure(error, "unsupported"));
});
