import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, type Scratch, unlessLinux, unlessRoot } from "../../../test/suites/scratch.ts";
import { sourceSuite } from "../../../test/suites/source_suite.ts";
import { writeSource } from "../../../test/support/source_help.ts";
import { fromText } from "../../byte_string.ts";
import { isFailure } from "../../errors.ts";
import * as sys from "../../sys/index.ts";
import { type ContentMemory, openContentMemory, openDirectorySource } from "./index.ts";
import type { FileIdentity } from "./memory_file.ts";

const skip = unlessLinux;
const { signal } = new AbortController();
const sha256OfA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";

sourceSuite(
  "directory",
  async (files) => {
    const place = scratch("source");
    writeSource(place.path, files);
    const tree = openDirectorySource(place.path);
    const dispose = async (): Promise<void> => {
      tree[Symbol.dispose]();
      place[Symbol.dispose]();
    };
    return { tree, [Symbol.asyncDispose]: dispose };
  },
  { skip },
);

/** A context beside a file that it must not give away. */
function besideSecret(): Scratch & { readonly context: string } {
  const place = scratch("source");
  const context = join(place.path, "context");
  fs.mkdirSync(context);
  fs.mkdirSync(join(place.path, "outside"));
  fs.writeFileSync(join(place.path, "outside/secret"), "secret");
  return { ...place, context, [Symbol.dispose]: () => place[Symbol.dispose]() };
}

test("no symlink, and no exchange of a directory for one, leads out of the context", { skip }, async () => {
  using place = besideSecret();
  fs.symlinkSync("../outside", join(place.context, "out"));
  fs.symlinkSync(join(place.path, "outside"), join(place.context, "absolute"));
  fs.mkdirSync(join(place.context, "dir"));
  fs.writeFileSync(join(place.context, "dir/secret"), "mine");
  for (let turn = 0; turn < 40; turn++) {
    using tree = openDirectorySource(place.context);
    for (const path of ["out", "absolute"]) {
      assert.equal(tree.stat(`${path}/secret`), undefined);
      assert.equal(tree.resolve(`${path}/secret`), undefined);
      assert.throws(() => tree.read(`${path}/secret`), { kind: "not-found" });
      assert.throws(() => tree.readdir(path), { kind: "invalid" });
    }
    if (turn % 2 === 0) assert.ok(tree.stat("dir/secret"));
    fs.renameSync(join(place.context, "dir"), join(place.context, "old"));
    fs.symlinkSync("../outside", join(place.context, "dir"));
    // A directory that is open already may still be read: it was inside.
    if (turn % 2 === 0) assert.equal(Buffer.from(tree.read("dir/secret")).toString(), "mine");
    else assert.throws(() => tree.read("dir/secret"), { kind: "not-found" });
    assert.notEqual(tree.stat("dir")?.kind, "directory");
    fs.unlinkSync(join(place.context, "dir"));
    fs.renameSync(join(place.context, "old"), join(place.context, "dir"));
  }
});

test("a context that is itself a symlink is followed", { skip }, () => {
  using place = besideSecret();
  fs.symlinkSync("outside", join(place.path, "link"));
  using tree = openDirectorySource(join(place.path, "link"));
  assert.deepEqual(tree.readdir(""), ["secret"]);
});

test("a context that is no directory is refused", { skip }, () => {
  using place = besideSecret();
  assert.throws(() => openDirectorySource(join(place.path, "none")), { kind: "not-found" });
  assert.throws(() => openDirectorySource(join(place.path, "outside/secret")), /ENOTDIR/);
});

test("a file that grows, shrinks or changes while it is read is refused", { skip }, async () => {
  using place = scratch("source");
  const file = join(place.path, "f");
  const changes: readonly (() => void)[] = [
    () => fs.appendFileSync(file, "more"),
    () => fs.truncateSync(file, 1000),
    () => fs.truncateSync(file, 0),
    () => fs.utimesSync(file, 1, 1),
  ];
  using tree = openDirectorySource(place.path);
  for (const change of changes) {
    fs.writeFileSync(file, Buffer.alloc(3 << 20));
    const read = async (): Promise<void> => {
      let isFirst = true;
      for await (const _ of tree.open("f", signal)) {
        if (isFirst) change();
        isFirst = false;
      }
    };
    await assert.rejects(
      read,
      (error) => isFailure(error, "conflict") && /changed while/.test(error.message),
    );
  }
});

test("a file that gets another name or permission while it is read is taken", { skip }, async () => {
  using place = scratch("source");
  const file = join(place.path, "f");
  fs.writeFileSync(file, Buffer.alloc(3 << 20));
  using tree = openDirectorySource(place.path);
  let size = 0;
  for await (const chunk of tree.open("f", signal)) {
    if (size === 0) {
      fs.linkSync(file, join(place.path, "g"));
      fs.chmodSync(file, 0o600);
    }
    size += chunk.length;
  }
  assert.equal(size, 3 << 20);
});

test("reading a FIFO or a socket does not hang", { skip }, async () => {
  using place = scratch("source");
  execFileSync("mkfifo", [join(place.path, "fifo")]);
  using tree = openDirectorySource(place.path);
  assert.equal(tree.stat("fifo")?.kind, "fifo");
  assert.throws(() => tree.read("fifo"), { kind: "invalid" });
  await assert.rejects(tree.contentDigest("fifo"), { kind: "invalid" });
});

test("attributes are those that mean the same elsewhere, and a symlink's own", { skip: unlessRoot }, (t) => {
  using place = scratch("source");
  const file = fromText(join(place.path, "f"));
  fs.writeFileSync(file, "");
  fs.symlinkSync("f", join(place.path, "l"));
  try {
    sys.setXattrAt(sys.AT_FDCWD, file, "user.a", Buffer.from([0, 255]));
  } catch (error) {
    if (sys.isSysError(error, "EOPNOTSUPP")) return t.skip("the file system has no user attributes");
    throw error;
  }
  sys.setXattrAt(sys.AT_FDCWD, file, "trusted.b", Buffer.from("b"));
  using tree = openDirectorySource(place.path);
  assert.deepEqual([...tree.xattrs("f")], [["user.a", new Uint8Array([0, 255])]]);
  assert.deepEqual([...tree.xattrs("l")], []);
});

test("more directories than are held open are read alike", { skip }, () => {
  using place = scratch("source");
  const names = Array.from({ length: 100 }, (_, index) => `d${index}`);
  for (const name of names) {
    fs.mkdirSync(join(place.path, name));
    fs.writeFileSync(join(place.path, name, "f"), name);
  }
  const before = fs.readdirSync("/proc/self/fd").length;
  {
    using tree = openDirectorySource(place.path);
    for (const name of [...names, ...names.toReversed(), ...names])
      assert.equal(Buffer.from(tree.read(`${name}/f`)).toString(), name);
  }
  assert.equal(fs.readdirSync("/proc/self/fd").length, before);
});

test(
  "B076 a digest is remembered as long as the file is the same, times of content and name both",
  { skip },
  async () => {
    using place = scratch("source");
    const file = join(place.path, "f");
    fs.writeFileSync(file, "a");
    const known = new Map<string, string>();
    const keyOf = (path: string, { ino, size, mtime, mtimeNs, ctime, ctimeNs }: FileIdentity): string =>
      [path, ino, size, mtime, mtimeNs, ctime, ctimeNs].join();
    const hits: boolean[] = [];
    const memory: ContentMemory = {
      get: (path, identity) => {
        const digest = known.get(keyOf(path, identity));
        hits.push(digest !== undefined);
        return digest;
      },
      set: (path, identity, digest, since) => {
        assert.ok(since <= Date.now());
        known.set(keyOf(path, identity), digest);
      },
      save: () => undefined,
      digests: () => new Set(known.values()),
    };
    using tree = openDirectorySource(place.path, { memory });
    assert.equal(await tree.contentDigest("f"), sha256OfA);
    assert.equal(await tree.contentDigest("f"), sha256OfA);
    const { atime, mtime, ctimeMs } = fs.statSync(file);
    // Until the kernel's clock has ticked, whose grain its times have.
    do {
      fs.writeFileSync(file, "b");
      fs.utimesSync(file, atime, mtime);
    } while (fs.statSync(file).ctimeMs === ctimeMs);
    assert.notEqual(await tree.contentDigest("f"), sha256OfA);
    assert.deepEqual(hits, [false, true, false]);
  },
);

test(
  "B076 a file that was changed just now is read again, for it could change once more unseen",
  { skip },
  async () => {
    using place = scratch("source");
    const memory = openContentMemory(join(place.path, "memory"));
    using tree = openDirectorySource(place.path, { memory });
    for (const content of ["b", "a"]) {
      fs.writeFileSync(join(place.path, "f"), content);
      fs.utimesSync(join(place.path, "f"), 1, 1);
      assert.equal((await tree.contentDigest("f")) === sha256OfA, content === "a");
    }
    memory.save();
    assert.deepEqual(fs.readdirSync(place.path), ["f"]);
  },
);
