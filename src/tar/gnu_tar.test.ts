/** Archives made on the fly by GNU tar, in all its formats. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { noise } from "../../test/support/bytes_help.ts";
import { parseTar, splitTar, tarEnd, type PackedFile } from "../../test/support/tar_help.ts";
import { fromBytes } from "../bytes/index.ts";
import { digestOf } from "../oci/index.ts";
import { assembleTar, TarWriter, type TarEntry } from "./index.ts";

const skip = /GNU tar/.test(spawnSync("tar", ["--version"]).stdout?.toString() ?? "")
  ? false
  : "GNU tar is not installed";

const directory = mkdtempSync(join(tmpdir(), "varve-tar-"));
after(() => rmSync(directory, { recursive: true }));

/** A path inside the directory, as bytes. */
function at(name: string): Buffer {
  return Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name, "latin1")]);
}

function tar(args: readonly string[], input?: Buffer): Buffer {
  const env = { ...process.env, LC_ALL: "C", TZ: "UTC" };
  const { stdout, stderr, status } = spawnSync("tar", args, {
    cwd: directory,
    maxBuffer: 1 << 28,
    env,
    input,
  });
  assert.equal(status, 0, stderr.toString());
  return stdout;
}

const long = "n".repeat(240);
const deep = `${"d".repeat(60)}/${"e".repeat(60)}`;
const plainNames = ["a", "empty", "exact", "dir/", "dir/b"];
const oddNames = ["caf\xc3\xa9", "bad\xff\xfe", "tab\tnew\nline", long, `${deep}/file`];

mkdirSync(at("dir"));
mkdirSync(at(deep), { recursive: true });
writeFileSync(at("a"), "a\n", { mode: 0o600 });
writeFileSync(at("empty"), "");
writeFileSync(at("exact"), noise(1024));
writeFileSync(at("dir/b"), noise(10_001));
for (const name of oddNames) writeFileSync(at(name), name, "latin1");
linkSync(at("a"), at("hard"));
symlinkSync("a", at("sym"));
symlinkSync("t".repeat(200), at("longsym"));
lutimesSync(at("sym"), 1_600_000_000, 1_600_000_000);
utimesSync(at("a"), 1_500_000_000, 1_500_000_000);

/** What the file system says of an entry. */
function fromDisk(name: string): Partial<TarEntry> {
  const { mode, uid, gid, size, mtimeNs } = lstatSync(at(name), { bigint: true });
  const type = { 0o100000: "file", 0o120000: "symlink", 0o040000: "directory" }[Number(mode) & 0o170000];
  return {
    path: name,
    type: type as TarEntry["type"],
    mode: Number(mode) & 0o7777,
    uid: Number(uid),
    gid: Number(gid),
    size: type === "file" ? Number(size) : 0,
    mtime: Number(mtimeNs / 1_000_000_000n),
    mtimeNs: Number(mtimeNs % 1_000_000_000n),
  };
}

function check(files: readonly PackedFile[], names: readonly string[], nanoseconds: boolean): void {
  assert.deepEqual(files.map(({ entry }) => entry.path).sort(), [...names].sort());
  for (const { entry, body } of files) {
    if (entry.type === "hardlink") continue; // disks have none: which of two names is one, tar decides
    const disk = fromDisk(entry.path);
    assert.deepEqual({ ...entry, ...disk, mtimeNs: nanoseconds ? disk.mtimeNs : 0 }, entry);
    if (entry.type === "file") assert.ok(body.equals(readFileSync(at(entry.path))), entry.path);
  }
}

const formats: readonly (readonly [string, readonly string[]])[] = [
  ["v7", [...plainNames, "hard", "sym"]],
  ["ustar", [...plainNames, "hard", "sym", "caf\xc3\xa9", "bad\xff\xfe", `${deep}/file`]],
  ["oldgnu", [...plainNames, "hard", "sym", "longsym", ...oddNames]],
  ["gnu", [...plainNames, "hard", "sym", "longsym", ...oddNames]],
  ["posix", [...plainNames, "hard", "sym", "longsym", ...oddNames]],
];

for (const [format, names] of formats) {
  test(`what GNU tar packs as ${format} is as on disk`, { skip }, () => {
    const list = Buffer.from(names.map((name) => `${name}\0`).join(""), "latin1");
    const args = [`--format=${format}`, "--no-recursion", "--null", "-T", "-", "-cf", "-"];
    const bytes = tar(args, list);
    for (const chunkSize of [1, 513, bytes.length])
      check(parseTar(bytes, chunkSize), names, format === "posix");
    const [a, hard] = parseTar(bytes).filter(({ entry }) => entry.path === "a" || entry.path === "hard");
    assert.deepEqual([a?.entry.type, hard?.entry.type, hard?.entry.linkPath], ["file", "hardlink", "a"]);
    const sym = parseTar(bytes).find(({ entry }) => entry.path === "sym");
    assert.deepEqual([sym?.entry.linkPath, sym?.entry.mtime], ["a", 1_600_000_000]);
  });
}

test("GNU tar's owners, times and modes beyond ustar are read", { skip }, () => {
  for (const format of ["gnu", "posix"]) {
    const owner = ["--owner=joe:3000000", "--group=staff:4294967294", "--mtime=1960-01-01 00:00:00"];
    const [file] = parseTar(tar([`--format=${format}`, ...owner, "-cf", "-", "a"]));
    const { uid, gid, uname, gname, mtime } = (file as PackedFile).entry;
    assert.deepEqual(
      [uid, gid, uname, gname, mtime],
      [3_000_000, 4294967294, "joe", "staff", -315619200],
      format,
    );
  }
});

/** A file of 1 MiB with `count` stretches of data. */
function sparseFile(name: string, count: number): Buffer {
  const size = 1 << 20;
  const fd = openSync(at(name), "w");
  for (let i = 0; i < count; i++)
    writeSync(fd, noise(4096, i + 1), 0, 4096, Math.floor((i * size) / count / 8192) * 8192);
  closeSync(fd);
  truncateSync(at(name), size);
  return readFileSync(at(name));
}

const sparseArgs: readonly (readonly [string, readonly string[]])[] = [
  ["old GNU", ["--format=gnu"]],
  ["PAX 0.0", ["--format=posix", "--sparse-version=0.0"]],
  ["PAX 0.1", ["--format=posix", "--sparse-version=0.1"]],
  ["PAX 1.0", ["--format=posix", "--sparse-version=1.0"]],
];

for (const [name, args] of sparseArgs) {
  for (const count of [0, 1, 5, 60]) {
    test(
      `a sparse file with ${count} stretches of data in ${name} format is read, and rebuilt (B140)`,
      { skip },
      async () => {
        const content = sparseFile("sparse", count);
        const bytes = tar([...args, "--sparse", "--hole-detection=raw", "-cf", "-", "sparse", "a"]);
        for (const chunkSize of [1, 700, bytes.length]) {
          const [file, next] = parseTar(bytes, chunkSize);
          assert.ok(file !== undefined && file.body.equals(content));
          assert.equal(file.entry.size, content.length);
          assert.equal(file.entry.sparse?.length, count);
          assert.equal(next?.entry.path, "a");
        }
        const { record, files } = splitTar(bytes);
        const rebuilt = await Array.fromAsync(
          assembleTar(fromBytes(record), (path) => reader(files.get(path))),
        );
        assert.equal(digestOf(Buffer.concat(rebuilt)), digestOf(bytes));
      },
    );
  }
}

function reader(content: Buffer | undefined): { read(into: Uint8Array): number; close(): void } {
  assert.ok(content !== undefined);
  let position = 0;
  return {
    read(into) {
      const read = content.copy(into, 0, position);
      position += read;
      return read;
    },
    close: () => undefined,
  };
}

test("a sparse map that does not fit the file is refused", { skip }, () => {
  sparseFile("sparse", 5);
  const bytes = tar(["--format=gnu", "--sparse", "--hole-detection=raw", "-cf", "-", "sparse"]);
  const broken = Buffer.from(bytes);
  broken.write("00000000000", 386 + 24, "latin1"); // the second stretch begins where the first does
  let sum = 256;
  for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += broken[i] as number;
  broken.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  assert.throws(() => parseTar(broken), /sparse range of \d+ bytes at 0 in a file of 1048576 bytes/);
});

test("GNU tar unpacks what we wrote: names, links, modes, times, contents", { skip }, () => {
  const names = [...plainNames, "hard", "sym", "longsym", ...oddNames];
  const list = Buffer.from(names.map((name) => `${name}\0`).join(""), "latin1");
  const packed = parseTar(tar(["--format=posix", "--no-recursion", "--null", "-T", "-", "-cf", "-"], list));
  const chunks: Uint8Array[] = [];
  const writer = new TarWriter((chunk) => chunks.push(chunk), { nanoseconds: true });
  for (const { entry, body } of packed) {
    writer.entry(entry);
    writer.data(body);
    writer.endEntry();
  }
  writer.end();
  const out = join(directory, "out");
  mkdirSync(out);
  tar(["-C", "out", "-xpf", "-"], Buffer.concat(chunks));
  const again = parseTar(
    tar(["-C", "out", "--format=posix", "--no-recursion", "--null", "-T", "-", "-cf", "-"], list),
  );
  const facts = (files: readonly PackedFile[]) =>
    files.map(({ entry, body }) => [{ ...entry, atime: 0, atimeNs: 0 }, digestOf(body)]);
  assert.deepEqual(facts(again), facts(packed));
  assert.ok(Buffer.concat(chunks).subarray(-1024).equals(tarEnd));
});
