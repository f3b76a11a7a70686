import assert from "node:assert/strict";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import type { DriverName } from "../driver/index.ts";
import { openStore, type Store, type StoredImage } from "../store/index.ts";
import { packTar, readTar, type EntryType, type PackedEntry, type TarEntry } from "../tar/index.ts";
import { takeRecordedAttributes } from "./recorded_attributes.ts";
import {
  appendLayer,
  deriveImage,
  layersOf,
  listImage,
  readImageFile,
  type AppendedFile,
  type AppendOptions,
} from "./index.ts";

const live = { signal: new AbortController().signal };
const created = new Date("2026-03-04T05:06:07Z");

const plain = { linkPath: "", uid: 0, gid: 0, uname: "", gname: "", mtime: 1_000_000_000, mtimeNs: 0 };

function entry(path: string, type: EntryType, rest: object = {}, content?: string): PackedEntry {
  const mode = type === "directory" ? 0o755 : 0o644;
  const size = content?.length ?? 0;
  return {
    entry: { ...plain, path, type, mode, size, devMajor: 0, devMinor: 0, ...rest },
    ...(content !== undefined && { body: Buffer.from(content) }),
  };
}

const link = (path: string, linkPath: string): PackedEntry =>
  entry(path, "symlink", { linkPath, mode: 0o777 });

const bottom: readonly PackedEntry[] = [
  entry("etc/", "directory"),
  entry("etc/motd", "file", {}, "welcome\n"),
  link("etc/release", "/usr/lib/release"),
  link("etc/escape", "../../../../../../usr/lib/release"),
  link("lib", "usr/lib"),
  link("loop", "loop"),
  entry("tmp/", "directory", { mode: 0o1777 }),
  entry("usr/", "directory"),
  entry("usr/lib/", "directory", { mode: 0o750, uid: 7, gid: 8 }),
  entry("usr/lib/release", "file", {}, "ID=test\n"),
];

const top: readonly PackedEntry[] = [
  entry("etc/", "directory"),
  entry("etc/.wh.motd", "file", {}, ""),
  entry("etc/added", "file", { mode: 0o600 }, "added\n"),
];

async function makeImage(store: Store, layers: readonly (readonly PackedEntry[])[]): Promise<StoredImage> {
  let image: StoredImage | undefined;
  for (const layer of layers) {
    image = await deriveImage(store, {
      ...(image !== undefined && { base: image }),
      tar: packTar(layer),
      history: { created_by: "test" },
      edit: (config) => void (config.created = created.toISOString()),
      ...live,
    });
  }
  return image as StoredImage;
}

/** The entries of the top layer's tar: type, mode, owner, path. */
async function topLayer(store: Store, image: StoredImage): Promise<string[]> {
  const layer = (await layersOf(store, image)).at(-1);
  const lines: string[] = [];
  for await (const { entry } of readTar(await store.layers.openTar(layer!.chainId, live))) {
    const { type, mode, uid, gid, path, linkPath } = entry;
    lines.push(`${type} ${mode.toString(8)} ${uid}:${gid} ${path}${linkPath && ` -> ${linkPath}`}`);
  }
  return lines;
}

interface Given {
  readonly store: Store;
  readonly image: StoredImage;
  readonly append: (files: readonly AppendedFile[], options?: Partial<AppendOptions>) => Promise<StoredImage>;
  readonly read: (image: StoredImage, path: string) => Promise<string>;
}

function onEachDriver(title: string, body: (given: Given, driver: DriverName) => Promise<void>): void {
  for (const driver of ["vfs", "overlay2"] as const) {
    test(`${driver}: ${title}`, { skip: driver === "vfs" ? unlessLinux : overlaySkip }, async () => {
      using dir = scratch("image");
      const store = await openStore({ root: join(dir.path, "root"), driver });
      const image = await makeImage(store, [bottom, top]);
      const append: Given["append"] = (files, options) =>
        appendLayer(store, image, files, { created, ...live, ...options });
      const read: Given["read"] = async (from, path) =>
        Buffer.from(await readImageFile(store, from, path, live)).toString();
      await body({ store, image, append, read }, driver);
    });
  }
}

onEachDriver("B017 B020 B022 a file is read out of the layer that shows it", async ({ image, read }) => {
  assert.equal(await read(image, "/etc/added"), "added\n");
  assert.equal(await read(image, "usr/lib/release"), "ID=test\n");
  await assert.rejects(read(image, "/etc/motd"), { kind: "not-found", message: /etc\/motd: no such file/ });
});

onEachDriver("symlinks lead to places inside the image", async ({ image, read }) => {
  assert.equal(await read(image, "/etc/release"), "ID=test\n");
  assert.equal(await read(image, "/etc/escape"), "ID=test\n");
  assert.equal(await read(image, "/lib/../../lib/release"), "ID=test\n");
  await assert.rejects(read(image, "/loop"), { kind: "invalid", code: "ELOOP" });
  await assert.rejects(read(image, "/usr"), { kind: "invalid", code: "EISDIR" });
  await assert.rejects(read(image, "/usr/lib/release/x"), { kind: "invalid", code: "ENOTDIR" });
});

onEachDriver("a symlink to a file of this machine is not followed out", async ({ store, read }) => {
  using outside = scratch("outside");
  const secret = join(outside.path, "secret");
  fs.writeFileSync(secret, "secret");
  const image = await makeImage(store, [[link("out", secret), link("dir", outside.path)]]);
  await assert.rejects(read(image, "/out"), { kind: "not-found" });
  await assert.rejects(read(image, "/dir/secret"), { kind: "not-found" });
});

onEachDriver("a file over the limit is not read, a cancelled call does nothing", async ({ store, image }) => {
  await assert.rejects(readImageFile(store, image, "etc/added", { ...live, limit: 5 }), {
    kind: "limit",
    message: /has 6 bytes, over 5$/,
  });
  const signal = AbortSignal.abort();
  await assert.rejects(readImageFile(store, image, "etc/added", { signal }), { kind: "cancelled" });
  await assert.rejects(listImage(store, image, "etc", { signal }), { kind: "cancelled" });
});

onEachDriver("B017 a directory is listed as it is merged", async ({ store, image }, driver) => {
  const entries = await listImage(store, image, "/etc", live);
  assert.deepEqual(
    entries.map(({ name, kind, mode }) => `${kind} ${mode.toString(8)} ${name}`),
    ["file 600 added", "symlink 777 escape", "symlink 777 release"],
  );
  const [lower, upper] = image.config.rootfs.diff_ids ?? [];
  const layers = driver === "vfs" ? [undefined, undefined, undefined] : [upper, lower, lower];
  assert.deepEqual(
    entries.map(({ layer }) => layer),
    layers,
  );
  const [release] = await listImage(store, image, "etc/release", live);
  assert.deepEqual([release?.name, release?.target], ["release", "/usr/lib/release"]);
  await assert.rejects(listImage(store, image, "/nowhere", live), { kind: "not-found" });
});

onEachDriver("an image without layers is empty", async ({ store }) => {
  const history = { created_by: "nothing" };
  const image = await deriveImage(store, { history, edit: () => undefined, ...live });
  assert.deepEqual(await listImage(store, image, "/", live), []);
});

onEachDriver(
  "a layer is appended with the directories on the way as they are",
  async ({ store, append, read }) => {
    const next = await append([
      { path: "tmp/x", content: "x" },
      { path: "/lib/new/deep", content: Buffer.from("deep"), mode: 0o755, uid: 1, gid: 2 },
      { path: "etc/link", target: "added" },
      { path: "srv", directory: true, mode: 0o700 },
      { path: "srv/hello", content: "hello\n" },
      { path: "etc/added", removed: true },
    ]);
    assert.deepEqual(await topLayer(store, next), [
      "directory 755 0:0 etc/",
      "file 600 0:0 etc/.wh.added",
      "symlink 777 0:0 etc/link -> added",
      "directory 700 0:0 srv/",
      "file 644 0:0 srv/hello",
      "directory 1777 0:0 tmp/",
      "file 644 0:0 tmp/x",
      "directory 755 0:0 usr/",
      "directory 750 7:8 usr/lib/",
      "directory 755 0:0 usr/lib/new/",
      "file 755 1:2 usr/lib/new/deep",
    ]);
    assert.equal(await read(next, "/lib/new/deep"), "deep");
    assert.equal(await read(next, "/lib/release"), "ID=test\n");
    await assert.rejects(read(next, "/etc/added"), { kind: "not-found" });
  },
);

onEachDriver(
  "the image says what was done, and the same again is the same image",
  async ({ image, append }) => {
    const files = ["a", "b", "c", "d"].map((path) => ({ path, content: path }));
    const next = await append(files, {
      author: "me",
      comment: "why",
      edit: (config) => void (config.config = { Cmd: ["/a"] }),
    });
    const row = {
      created: "2026-03-04T05:06:07.000Z",
      created_by: "append a b c and 1 more",
      author: "me",
      comment: "why",
    };
    assert.deepEqual(next.config.history?.at(-1), row);
    assert.equal(next.config.rootfs.diff_ids?.length, 3);
    assert.deepEqual([next.parent, next.config.author, next.config.config?.Cmd], [image.id, "me", ["/a"]]);
    const createdBy = "test";
    const again = await append(files.toReversed(), { createdBy });
    assert.equal((await append(files, { createdBy })).id, again.id);
  },
);

onEachDriver("nothing is appended that does not fit", async ({ store, append }) => {
  const before = (await store.images.list()).length;
  const refused: [AppendedFile[], object][] = [
    [[{ path: "", content: "" }], { kind: "invalid", message: '"" is no path of a file in an image' }],
    [[{ path: "/", directory: true }], { kind: "invalid" }],
    [[{ path: "../evil", content: "" }], { kind: "invalid" }],
    [[{ path: "a\0b", content: "" }], { kind: "invalid" }],
    [[{ path: "etc/.wh.x", content: "" }], { kind: "invalid", message: /read as a whiteout/ }],
    [
      [
        { path: "a", content: "" },
        { path: "/a", content: "" },
      ],
      { kind: "invalid", message: /given twice$/ },
    ],
    [
      [
        { path: "a", content: "" },
        { path: "a/b", content: "" },
      ],
      { kind: "invalid", message: /a is no directory$/ },
    ],
    [[{ path: "etc/added/x", content: "" }], { kind: "invalid", message: /etc\/added is no directory$/ }],
    [
      [{ path: "nowhere", removed: true }],
      { kind: "not-found", message: "cannot remove nowhere: the image has no such path" },
    ],
  ];
  for (const [files, error] of refused) await assert.rejects(append(files), error, JSON.stringify(files));
  assert.equal((await store.images.list()).length, before);
});

onEachDriver("where owners could not be unpacked they are taken from the tars", async ({ store, image }) => {
  const stranger = (path: string): TarEntry => ({
    ...entry(path, "directory").entry,
    uid: 65534,
    gid: 65534,
  });
  const entries = [stranger("usr/lib/"), stranger("tmp/"), stranger("etc/"), stranger("implied/")];
  await takeRecordedAttributes(store, await layersOf(store, image), entries, live.signal);
  assert.deepEqual(
    entries.map(({ mode, uid, gid }) => `${mode.toString(8)} ${uid}:${gid}`),
    ["750 7:8", "1777 0:0", "755 0:0", "755 0:0"],
  );
});
