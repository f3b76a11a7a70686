/** The cases that are built by dockerd and by us, the image that they stand on, and their context. */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { collect } from "../../bytes/index.ts";
import { packTar } from "../../tar/index.ts";
import { dir, entriesOf, file, type Given, hard, link, node } from "./copy_fixture.ts";

const owned = { uid: 1000, gid: 1001 };

export const base: readonly Given[] = [
  dir("bin"),
  dir("d", { mode: 0o700, uid: 5, gid: 6 }),
  dir("d/file"),
  file("d/file/inside"),
  file("d/one", "old"),
  link("d/outside", "/etc"),
  dir("d/sub", { mode: 0o711, uid: 7, gid: 8 }),
  file("d/sub/kept"),
  file("d/was-file"),
  dir("etc"),
  file("etc/group", "root:x:0:\nstaff:x:50:\nann:x:1234:\n"),
  file("etc/passwd", "root:x:0:0::/:/bin/sh\nann:x:1000:1001::/:/bin/sh\nbob:x:1002:1003::/:/bin/sh\n"),
  dir("from", owned),
  file("from/owned", "o", { ...owned, mode: 0o640 }),
  file("from/setuid", "s", { ...owned, mode: 0o4755 }),
  dir("from/sub", { ...owned, mode: 0o750 }),
  file("from/sub/deep", "deep", owned),
  hard("from/sub/again", "from/sub/deep", owned),
  link("from/sub/link", "../owned"),
  node("from/sub/null", "char", { rdevMajor: 1, rdevMinor: 3 }),
  node("from/sub/pipe", "fifo", owned),
  link("link", "d/sub"),
  link("loop", "loop"),
  link("nowhere", "/made/here"),
  link("to-file", "/d/one"),
];

/** Whiteouts, devices and what leads out are in tests of their own. */
const archive: readonly Given[] = [
  dir("sub", { mode: 0o750, ...owned }),
  file("sub/file", "packed", { ...owned, mode: 0o4711, mtime: 1_234_567_890 }),
  hard("sub/link", "sub/file"),
  link("absolute", "/sub"),
  file("absolute/through", "through"),
  file("../../climbs", "climbs"),
  file("implied/deep/file", "implied", owned),
  file("twice", "first"),
  file("twice", "second", { mode: 0o600 }),
  node("pipe", "fifo", owned),
  node("zero", "block", { rdevMajor: 7, rdevMinor: 9 }),
];

/** Meets the image's `d`. */
const onto: readonly Given[] = [
  dir(".", { mode: 0o500, ...owned }),
  file("/from-root", "inside"),
  dir("outside", { mode: 0o705 }),
  file("outside/new"),
  file("sub", "a file now"),
  hard("linked", "one", { mode: 0o604, uid: 3, gid: 4 }),
  file("file", "a file for a while"),
  dir("file", { mode: 0o751, ...owned }),
  file("file/new"),
  dir("was-file"),
  link("up", "../../etc/passwd"),
  link("was-link", "one"),
  file("was-link", "replaces the link"),
  file("v1", "first"),
  hard("keeps-v1", "v1"),
  file("v1", "second"),
];

export async function writeContext(context: string): Promise<void> {
  const at = (path: string): string => join(context, path);
  for (const path of ["dir/sub/deep", "dir/empty", "a-dir", "one-dir"])
    fs.mkdirSync(at(path), { recursive: true });
  for (const path of [
    "one",
    "two",
    "dir/file",
    "dir/one",
    "dir/sub/x",
    "dir/sub/deep/y",
    "a-dir/in-a",
    "one-dir/one",
  ])
    fs.writeFileSync(at(path), path);
  for (const path of ["we?ird", "[x].txt", "é", "a.txt", "b.txt", "dir/t.txt"])
    fs.writeFileSync(at(path), path);
  fs.writeFileSync(at("script"), "#!", { mode: 0o755 });
  fs.writeFileSync(at("empty"), "");
  fs.chmodSync(at("script"), 0o6751);
  fs.chmodSync(at("dir/sub"), 0o1770);
  fs.chmodSync(at("dir/file"), 0o600);
  fs.linkSync(at("dir/file"), at("dir/hard"));
  fs.linkSync(at("dir/file"), at("outer-hard"));
  fs.symlinkSync("dir/file", at("to-file"));
  fs.symlinkSync("dir", at("to-dir"));
  fs.symlinkSync("/dir/sub", at("absolute"));
  fs.symlinkSync("../../../etc/passwd", at("escape"));
  fs.symlinkSync("missing", at("dangling"));
  fs.symlinkSync("file", at("dir/inner-link"));
  fs.symlinkSync("../../../one", at("dir/outer-link"));
  execFileSync("mkfifo", [at("dir/pipe")]);
  // A subdirectory in the place of a file, a file in the place of a directory, a directory in that of a symlink.
  for (const path of ["over/was-file", "over/outside", "over/sub"])
    fs.mkdirSync(at(path), { recursive: true });
  for (const path of ["over/was-file/x", "over/file", "over/outside/x"]) fs.writeFileSync(at(path), path);
  const tar = await collect(packTar(entriesOf(archive)), 1 << 20);
  fs.writeFileSync(at("a.tar"), tar);
  fs.writeFileSync(at("onto.tar"), await collect(packTar(entriesOf(onto)), 1 << 20));
  const broken: Readonly<Record<string, readonly Given[]>> = {
    "through-file": [file("one/below")],
    "through-new-file": [file("new"), file("new/below")],
    "no-target": [hard("x", "none")],
    "outer-target": [hard("x", "../../../etc/passwd")],
    "directory-target": [hard("x", "sub")],
  };
  for (const [name, given] of Object.entries(broken))
    fs.writeFileSync(at(`${name}.broken`), await collect(packTar(entriesOf(given)), 1 << 20));
  fs.writeFileSync(at("short.broken"), tar.subarray(0, 2000));
  fs.writeFileSync(at("a.tgz"), gzipSync(tar));
  for (const [program, name] of [
    ["bzip2", "a.bz2"],
    ["xz", "a.xz"],
  ] as const)
    fs.writeFileSync(at(name), execFileSync(program, ["-c"], { input: tar }));
  fs.writeFileSync(at("text.gz"), gzipSync("no tar"));
  fs.writeFileSync(at("nothing.tar"), Buffer.alloc(1024));
  execFileSync("find", [context, "-exec", "touch", "-h", "-d", "2020-01-02 03:04:05.6Z", "{}", "+"]);
}

export interface Case {
  /** The instruction, without flags that the request has on its own. */
  readonly line: string;
  readonly workdir?: string;
  /** Why the entries differ, as lines that only we have and lines that only dockerd has. */
  readonly differs?: {
    readonly why: string;
    readonly ours: readonly string[];
    readonly theirs: readonly string[];
  };
}

export const copies: readonly (string | Case)[] = [
  "COPY one /one",
  "COPY one /new",
  "COPY one /new/",
  "COPY one /new/deep/file",
  "COPY one /d",
  "COPY one /d/",
  "COPY one /d/one",
  "COPY one /link",
  "COPY one /link/",
  "COPY one /to-file",
  "COPY one /nowhere",
  "COPY one /d/file",
  "COPY outer-hard to-file /d/",
  { line: "COPY one relative", workdir: "/d" },
  { line: "COPY one .", workdir: "/d" },
  { line: "COPY one ./", workdir: "/d/new" },
  { line: "COPY one ../up", workdir: "/d" },
  "COPY one ../../x",
  "COPY one two /d/",
  "COPY one one-dir/one /d/",
  "COPY dir /new",
  "COPY dir /new/deep/",
  "COPY dir/ /d",
  "COPY dir /link/x",
  "COPY dir/sub dir/empty /d/",
  "COPY dir/empty /d",
  "COPY dir/empty /d/fresh",
  {
    line: "COPY over /d",
    differs: {
      why: "overlayfs marks a directory opaque that takes the place of a file, which hides nothing",
      ours: [],
      theirs: ['file 755 0:0 d/outside/.wh..wh..opq "" @0', 'file 755 0:0 d/was-file/.wh..wh..opq "" @0'],
    },
  },
  "COPY ./dir/../one /x",
  "COPY /one /x",
  "COPY to-file /x",
  "COPY to-file /x/",
  "COPY to-dir /x",
  "COPY absolute /x",
  "COPY absolute/deep/y /x",
  "COPY *.txt /x/",
  "COPY a* /x/",
  "COPY dir/s*/x /x/",
  "COPY d?r /x/",
  "COPY [[]x].txt /x/",
  "COPY we\\?ird /x/",
  "COPY [a-b].txt on[^x] /x/",
  "COPY script empty é /x/",
  "COPY --chown=ann one /new/a",
  "COPY --chown=ann:staff dir /new/a",
  "COPY --chown=12:34 dir /d",
  "COPY --chown=7 one two /d/sub/",
  "COPY --chown=bob:ann one /x",
  "COPY --from=base /from /x",
  "COPY --from=base /from/owned /from/setuid /new/x/",
  "COPY --from=base --chown=ann:staff /from /x",
  "COPY --from=base link/../from/owned /x",
  "COPY . /all/",
  "ADD one /x",
  "ADD a.tar /x",
  "ADD a.tgz /x/y/",
  "ADD a.bz2 /d",
  "ADD a.xz /link",
  "ADD text.gz /x",
  "ADD nothing.tar /x/",
  "ADD a.tar one dir /x/",
  "ADD a.t* /x/",
  "COPY a.tar /x",
  {
    line: "ADD onto.tar /d",
    differs: {
      why: "overlayfs marks a directory opaque that takes the place of a file, which hides nothing",
      ours: [],
      theirs: ["outside", "was-file"].map(
        (name) => `file ${name === "outside" ? 705 : 755} 0:0 d/${name}/.wh..wh..opq "" @0`,
      ),
    },
  },
];

/** The instruction, and our own words where Docker's speak of the machine it runs on. */
export const failures: readonly (string | readonly [line: string, words: string])[] = [
  "COPY nofile /x",
  "COPY ./no/file /x",
  "COPY dangling /x",
  "COPY escape /x",
  "COPY *.none /x",
  "COPY [ /x",
  "COPY ../one /x",
  "COPY one two /x",
  "ADD one two /x",
  "COPY *.txt /x",
  "ADD nofile /x",
  "COPY --from=base nofile /x",
  "COPY --chown=none one /x",
  "COPY --chown=ann:none one /x",
  "COPY --chown=a:b:c one /x",
  "COPY dir /d/one",
  ["COPY one /d/one/x", "failed to copy files: mkdir /d/one: not a directory"],
  ["ADD through-file.broken /d", "failed to copy files: mkdir /d/one: not a directory"],
  ["ADD through-new-file.broken /d", "failed to copy files: mkdir /d/new: not a directory"],
  ["ADD no-target.broken /d", "failed to copy files: cannot link /d/x to /d/none: there is nothing"],
  ["ADD outer-target.broken /d", "failed to copy files: cannot link /d/x to /d/etc/passwd: there is nothing"],
  ["ADD directory-target.broken /d", "failed to copy files: cannot link /d/x to /d/sub: it is a directory"],
  ["ADD short.broken /x", "unexpected end of tar after 2000 bytes, in a header"],
  ["ADD a.tar /d/one", "failed to copy files: mkdir /d/one: not a directory"],
  ["COPY one /loop/x", "failed to copy files: /loop/x: too many levels of symbolic links"],
];
