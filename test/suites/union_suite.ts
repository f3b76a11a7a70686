/**
 * What every union of branches must do, as one table: the simulator runs it in each dialect, and the kernel's
 * overlayfs does, where tests may mount.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Given, MakeMachine, Operation } from "./union_machines.ts";
import { brief, opaque } from "./union_trees.ts";

/** `merged`: overlay2 over one lower branch, to which all of them were merged before. */
export type UnionKind = "aufs" | "overlay" | "overlay2" | "merged" | "kernel";

export interface UnionCase {
  readonly title: string;
  readonly given: Given;
  /** Each operation with its result, `ok` where nothing is said. */
  readonly steps: readonly (Operation | readonly [Operation, string])[];
  /** What the union shows afterwards, as {@link brief} writes it. */
  readonly merged?: readonly string[];
  /** What the upper branch holds afterwards. */
  readonly upper?: readonly string[];
  /** Only these can do it, or do it so. */
  readonly only?: readonly UnionKind[];
}

const overlays = ["overlay", "overlay2", "merged", "kernel"] as const;
const base = { etc: {}, "etc/motd": "welcome", "etc/passwd": "root", bin: {}, "bin/sh": "shell" } as const;

const at = (op: "unlink" | "rmdir" | "read" | "readdir" | "stat", path: string): Operation => ({ op, path });
const append = (path: string, text: string): Operation => ({ op: "append", path, text });
const create = (path: string): Operation => ({ op: "open", path, flags: { write: true, create: true } });
const mkdir = (path: string, mode = 0o755): Operation => ({ op: "mkdir", path, mode });
const rename = (path: string, to: string): Operation => ({ op: "rename", path, to });

const merging: UnionCase[] = [
  {
    title: "B016 the entries of all branches show, each name once",
    given: {
      lowers: [
        { d: {}, "d/b": "2", "d/c": "2" },
        { d: {}, "d/a": "1", "d/b": "1" },
      ],
    },
    steps: [create("d/e"), create("d/a"), [at("readdir", "d"), "a b c e"]],
    merged: ["d/", "d/a=1", "d/b=2", "d/c=2", "d/e="],
    upper: ["d/", "d/a=1", "d/e="],
  },
  {
    title: "B017 the uppermost file wins",
    given: { lowers: [{ f: "3" }, { f: "2", g: "2" }, { f: "1", g: "1" }] },
    steps: [],
    merged: ["f=3", "g=2"],
  },
  {
    title: "B017 a merged directory has mode and owner of the uppermost",
    given: {
      lowers: [
        { d: { mode: 0o700, uid: 5, gid: 6 }, "d/x": "" },
        { d: { mode: 0o777, uid: 1 }, "d/y": "" },
      ],
    },
    steps: [],
    merged: ["d/ 700 5:6", "d/x=", "d/y="],
  },
  {
    title: "B017 a file over a directory hides all of it, also from what lies above",
    given: {
      lowers: [
        { x: {}, "x/new": "3" },
        { x: "2", y: "2" },
        { x: {}, "x/old": "1", y: {}, "y/z": "1" },
      ],
    },
    steps: [
      [at("readdir", "y"), "ENOTDIR"],
      [at("read", "y/z"), "ENOTDIR"],
      [at("read", "x/old"), "ENOENT"],
    ],
    merged: ["x/", "x/new=3", "y=2"],
  },
  {
    title: "B017 a directory over a file hides it",
    given: { lowers: [{ x: {} }, { x: "file" }] },
    steps: [
      [at("read", "x"), "EISDIR"],
      [at("readdir", "x"), ""],
    ],
    merged: ["x/"],
  },
  {
    title: "B030 B035 whiteouts and opaque directories of lower branches hide what lies below them",
    given: {
      lowers: [
        { d: { xattrs: opaque }, "d/new": "2", gone: { whiteout: true } },
        { d: {}, "d/old": "1", gone: {}, "gone/x": "1", back: { whiteout: true } },
        { back: "0", gone: "0" },
      ],
    },
    steps: [
      [at("stat", "gone"), "ENOENT"],
      [at("stat", "back"), "ENOENT"],
    ],
    merged: ["d/", "d/new=2"],
    upper: [],
  },
];

const reading: UnionCase[] = [
  {
    title: "B020 a file of a lower branch is read where it lies",
    given: { lowers: [{}, base] },
    steps: [[at("read", "etc/motd"), "welcome"]],
    upper: [],
  },
  {
    title: "B021 B029 a new file or directory lies in the upper branch alone, without marks",
    given: { lowers: [base] },
    steps: [
      create("new"),
      append("new", "text"),
      mkdir("etc/dir"),
      create("etc/dir/f"),
      [at("read", "new"), "text"],
    ],
    upper: ["etc/", "etc/dir/", "etc/dir/f=", "new=text"],
  },
  {
    title: "B022 B028 what is in both is read from the upper branch",
    given: { lowers: [base] },
    steps: [append("etc/motd", "1"), append("etc/motd", "2"), [at("read", "etc/motd"), "welcome12"]],
    upper: ["etc/", "etc/motd=welcome12"],
  },
  {
    title: "B023 reading never copies up",
    given: { lowers: [{ ...base, link: { symlink: "etc/motd" } }] },
    steps: [
      { op: "open", path: "etc/motd", flags: {} },
      { op: "open", path: "etc/motd", flags: { create: true } },
      [{ op: "open", path: "etc/motd", flags: { create: true, exclusive: true } }, "EEXIST"],
      [{ op: "open", path: "etc/motd", flags: { write: true, create: true, exclusive: true } }, "EEXIST"],
      [{ op: "open", path: "etc", flags: { write: true } }, "EISDIR"],
      [{ op: "open", path: "link", flags: { write: true, noFollow: true } }, "ELOOP"],
      [{ op: "removexattr", path: "etc/motd", name: "user.none" }, "ENODATA"],
      [mkdir("etc"), "EEXIST"],
      [at("read", "link"), "welcome"],
      [at("readdir", "etc"), "motd passwd"],
      [at("stat", "bin/sh"), "file"],
    ],
    upper: [],
  },
];

/** Every first change of `etc/motd`, with what the upper branch then holds. */
const triggers: [what: string, operation: Operation, upper: readonly string[]][] = [
  ["opening for writing", { op: "open", path: "etc/motd", flags: { write: true } }, ["etc/motd=welcome"]],
  ["opening for appending", { op: "open", path: "etc/motd", flags: { append: true } }, ["etc/motd=welcome"]],
  ["truncate", { op: "truncate", path: "etc/motd", size: 3 }, ["etc/motd=wel"]],
  ["chmod", { op: "chmod", path: "etc/motd", mode: 0o600 }, ["etc/motd=welcome 600"]],
  ["chown", { op: "chown", path: "etc/motd", uid: 3, gid: 4 }, ["etc/motd=welcome 3:4"]],
  ["utimes", { op: "utimes", path: "etc/motd", mtime: 7 }, ["etc/motd=welcome"]],
  [
    "setxattr",
    { op: "setxattr", path: "etc/motd", name: "user.a", value: "b" },
    ["etc/motd=welcome user.a=b"],
  ],
  [
    "link",
    { op: "link", path: "etc/motd", to: "etc/issue" },
    ["etc/issue=welcome x2", "etc/motd=welcome x2"],
  ],
  ["rename", rename("etc/motd", "etc/issue"), ["etc/issue=welcome", "etc/motd whiteout"]],
];

const writing: UnionCase[] = [
  ...triggers.map(([what, operation, upper]) => ({
    title: `B024 ${what} copies the whole file up`,
    given: { lowers: [base] },
    steps: [operation],
    upper: ["etc/", ...upper],
  })),
  {
    title: "B025 one more byte costs the whole file, O_TRUNC only what is written",
    given: { lowers: [{ a: "x".repeat(100_000), b: "x".repeat(100_000) }] },
    steps: [
      append("a", "y"),
      { op: "open", path: "b", flags: { write: true, truncate: true } },
      { op: "write", path: "b", text: "new" },
    ],
    upper: [`a=${"x".repeat(100_000)}y`, "b=new"],
  },
  {
    title: "B026 copying up makes the parents with their attributes, and none of their other children",
    given: {
      lowers: [
        {
          a: { mode: 0o700, uid: 1, xattrs: { "user.k": "v" } },
          "a/b": { mode: 0o1777, gid: 2 },
          "a/b/f": "1",
          "a/b/g": "2",
          "a/c": {},
        },
      ],
    },
    steps: [append("a/b/f", "+")],
    upper: ["a/ 700 1:0 user.k=v", "a/b/ 1777 0:2", "a/b/f=1+"],
  },
  {
    title: "B012 without an upper branch every change is EROFS",
    given: { lowers: [{}, base], readOnly: true },
    steps: [
      [append("etc/motd", "x"), "EROFS"],
      [create("new"), "EROFS"],
      [mkdir("dir"), "EROFS"],
      [mkdir("etc"), "EEXIST"],
      [at("unlink", "etc/motd"), "EROFS"],
      [at("unlink", "nowhere"), "EROFS"],
      [at("rmdir", "etc"), "EROFS"],
      [rename("etc", "conf"), "EROFS"],
      [{ op: "chmod", path: "etc", mode: 0 }, "EROFS"],
      [{ op: "setxattr", path: "etc", name: "user.a", value: "" }, "EROFS"],
      [{ op: "link", path: "etc/motd", to: "m" }, "EROFS"],
      [{ op: "truncate", path: "etc/motd", size: 0 }, "EROFS"],
      [at("read", "etc/motd"), "welcome"],
    ],
    merged: ["bin/", "bin/sh=shell", "etc/", "etc/motd=welcome", "etc/passwd=root"],
  },
];

const deleting: UnionCase[] = [
  {
    title: "B030 deleting a lower file leaves a whiteout",
    given: { lowers: [base] },
    steps: [at("unlink", "etc/motd"), [at("stat", "etc/motd"), "ENOENT"], [at("readdir", "etc"), "passwd"]],
    upper: ["etc/", "etc/motd whiteout"],
  },
  {
    title: "B030 a file that was copied up and is then deleted leaves a whiteout, made again none",
    given: { lowers: [base] },
    steps: [
      append("etc/motd", "x"),
      at("unlink", "etc/motd"),
      create("etc/motd"),
      create("etc/x"),
      at("unlink", "etc/x"),
    ],
    upper: ["etc/", "etc/motd="],
  },
  {
    title: "B031 deleting what is only in the upper branch leaves nothing",
    given: { lowers: [base] },
    steps: [
      create("new"),
      mkdir("dir"),
      create("dir/f"),
      at("unlink", "new"),
      at("unlink", "dir/f"),
      at("rmdir", "dir"),
    ],
    upper: [],
  },
  {
    title: "B031 where a whiteout of a lower branch hides the name already, deleting leaves no second one",
    given: { lowers: [{ f: { whiteout: true } }, { f: "1", g: "1" }] },
    steps: [create("f"), at("unlink", "f"), create("f"), rename("f", "new")],
    merged: ["g=1", "new="],
    upper: ["new="],
  },
  {
    title: "B032 a lower directory must be empty to go, and leaves one whiteout",
    given: { lowers: [base] },
    steps: [
      [at("rmdir", "etc"), "ENOTEMPTY"],
      [at("unlink", "etc"), "EISDIR"],
      [at("rmdir", "etc/motd"), "ENOTDIR"],
      at("unlink", "etc/motd"),
      [at("rmdir", "etc"), "ENOTEMPTY"],
      at("unlink", "etc/passwd"),
      at("rmdir", "etc"),
    ],
    merged: ["bin/", "bin/sh=shell"],
    upper: ["etc whiteout"],
  },
  {
    title: "B035 a lower directory that is deleted and made again is opaque, also below a new upper branch",
    given: { lowers: [{ d: {}, "d/a": "1" }] },
    steps: [at("unlink", "d/a"), at("rmdir", "d"), mkdir("d"), [at("readdir", "d"), ""], create("d/b")],
    merged: ["d/", "d/b="],
    upper: ["d/ opaque", "d/b="],
  },
  {
    title: "B035 B060 what was hidden stays hidden after a commit",
    given: { lowers: [{ d: {}, "d/a": "1", f: "1" }] },
    steps: [at("unlink", "d/a"), at("rmdir", "d"), mkdir("d"), at("unlink", "f"), { op: "commit", path: "" }],
    merged: ["d/"],
    upper: [],
  },
];

const renaming: UnionCase[] = [
  {
    title: "B036 a lower file is renamed by copying up, also over another lower file",
    given: { lowers: [base] },
    steps: [rename("etc/motd", "bin/sh"), rename("etc/passwd", "etc/shadow")],
    merged: ["bin/", "bin/sh=welcome", "etc/", "etc/shadow=root"],
    upper: ["bin/", "bin/sh=welcome", "etc/", "etc/motd whiteout", "etc/passwd whiteout", "etc/shadow=root"],
  },
  {
    title: "B037 a directory that a lower branch has cannot be renamed, merged or not",
    given: { lowers: [base] },
    steps: [[rename("etc", "conf"), "EXDEV"], append("etc/motd", "x"), [rename("etc", "conf"), "EXDEV"]],
    upper: ["etc/", "etc/motd=welcomex"],
  },
  {
    title: "B037 a directory of the upper branch alone can",
    given: { lowers: [base] },
    steps: [
      mkdir("new"),
      create("new/f"),
      mkdir("etc/sub"),
      rename("new", "newer"),
      rename("etc/sub", "sub"),
    ],
    merged: [
      "bin/",
      "bin/sh=shell",
      "etc/",
      "etc/motd=welcome",
      "etc/passwd=root",
      "newer/",
      "newer/f=",
      "sub/",
    ],
  },
  {
    title: "B037 renamed to where a lower directory was, it does not merge with that",
    given: { lowers: [base] },
    steps: [
      at("unlink", "etc/motd"),
      at("unlink", "etc/passwd"),
      at("rmdir", "etc"),
      mkdir("new"),
      create("new/f"),
      rename("new", "etc"),
    ],
    merged: ["bin/", "bin/sh=shell", "etc/", "etc/f="],
    upper: ["etc/ opaque", "etc/f="],
  },
  {
    title: "rename(2) refuses what does not fit",
    given: { lowers: [{ ...base, empty: {} }] },
    steps: [
      [rename("nowhere", "x"), "ENOENT"],
      [rename("etc/motd", "bin"), "EISDIR"],
      [rename("etc/motd", "no/where"), "ENOENT"],
      mkdir("new"),
      [rename("new", "etc/motd"), "ENOTDIR"],
      [rename("new", "etc"), "ENOTEMPTY"],
      [rename("new", "new/in/itself"), "ENOENT"],
      [rename("new", "new/x"), "EINVAL"],
      rename("new", "empty"),
      rename("etc/motd", "etc/motd"),
    ],
    upper: ["empty/ opaque"],
  },
  {
    title: "B038 with redirect_dir=on a lower directory is renamed and says where its children are",
    given: { lowers: [{ ...base, "etc/conf.d": {}, "etc/conf.d/a": "1" }], redirectDir: true },
    steps: [
      rename("etc/conf.d", "etc/d"),
      rename("etc", "conf"),
      rename("conf/d", "d"),
      [at("read", "d/a"), "1"],
    ],
    merged: ["bin/", "bin/sh=shell", "conf/", "conf/motd=welcome", "conf/passwd=root", "d/", "d/a=1"],
    upper: ["conf/ redirect=etc", "conf/conf.d whiteout", "d/ redirect=/etc/conf.d", "etc whiteout"],
    only: overlays,
  },
  {
    title: "B038 redirects of lower branches are followed",
    given: {
      lowers: [
        {
          old: { whiteout: true },
          moved: { xattrs: { "trusted.overlay.redirect": "/old/deep" } },
          "moved/b": "2",
        },
        { old: {}, "old/deep": {}, "old/deep/a": "1" },
      ],
      redirectDir: true,
    },
    steps: [[at("readdir", "moved"), "a b"], append("moved/a", "+")],
    merged: ["moved/", "moved/a=1+", "moved/b=2"],
    only: ["overlay2", "kernel"],
  },
];

const attributes: UnionCase[] = [
  {
    title: "B039 chmod and chown store all bytes again, metacopy=on only the attributes",
    given: { lowers: [{ f: "content", g: "content" }], metacopy: true },
    steps: [
      { op: "chmod", path: "f", mode: 0o755 },
      { op: "chown", path: "g", uid: 1, gid: 1 },
      append("g", "+"),
      [at("read", "f"), "content"],
    ],
    merged: ["f=content 755", "g=content+ 1:1"],
    upper: ["f metacopy 755", "g=content+ 1:1"],
    only: overlays,
  },
  {
    title:
      "B039 B041 a metacopy of a file that has other names below is renamed with a path, also beside itself",
    given: { lowers: [{ b: "content", l: { link: "b" }, o: "one" }], metacopy: true },
    steps: [
      { op: "chown", path: "b", uid: 1, gid: 1 },
      { op: "rename", path: "b", to: "a" },
      { op: "chown", path: "o", uid: 1, gid: 1 },
      { op: "rename", path: "o", to: "p" },
    ],
    merged: ["a=content 1:1", "l=content x2", "p=one 1:1"],
    upper: ["a metacopy 1:1 redirect=/b", "b whiteout", "o whiteout", "p metacopy 1:1 redirect=o"],
    only: overlays,
  },
  {
    title: "B039 the content of a metacopy in a lower branch is found further down",
    given: {
      lowers: [
        {
          b: {
            content: "1234567",
            mode: 0o700,
            xattrs: { "trusted.overlay.metacopy": "", "trusted.overlay.redirect": "a" },
          },
        },
        { a: "content" },
      ],
      metacopy: true,
    },
    steps: [[at("read", "b"), "content"]],
    merged: ["a=content", "b=content 700"],
    only: ["overlay2", "kernel"],
  },
  {
    title: "B040 changing a directory copies that entry, its children stay below",
    given: { lowers: [base] },
    steps: [{ op: "chmod", path: "etc", mode: 0o700 }],
    merged: ["bin/", "bin/sh=shell", "etc/ 700", "etc/motd=welcome", "etc/passwd=root"],
    upper: ["etc/ 700"],
  },
  {
    title: "set-ID bits go when a file changes hands",
    given: { lowers: [{ f: { content: "", mode: 0o6755 }, g: { content: "", mode: 0o6745 } }] },
    steps: [
      { op: "chown", path: "f", uid: 1, gid: 1 },
      { op: "chown", path: "g", uid: 1, gid: 1 },
    ],
    upper: ["f= 755 1:1", "g= 2745 1:1"],
  },
  {
    title: "what is made in a directory with the set-group-ID bit gets its group",
    given: { lowers: [{ d: { mode: 0o2775, gid: 9 } }] },
    steps: [create("d/f"), mkdir("d/sub")],
    upper: ["d/ 2775 0:9", "d/f= 0:9", "d/sub/ 2755 0:9"],
  },
];

const links: UnionCase[] = [
  {
    title: "B041 writing through one of two lower hard links parts them",
    given: { lowers: [{ a: "old", b: { link: "a" } }] },
    steps: [append("a", "+"), [at("read", "b"), "old"]],
    merged: ["a=old+", "b=old x2"],
    upper: ["a=old+"],
    only: overlays,
  },
  {
    title: "AUFS keeps hard links of lower branches by pseudo-links",
    given: { lowers: [{ a: "old", b: { link: "a" }, c: { link: "a" } }] },
    steps: [
      append("a", "+"),
      [at("read", "b"), "old+"],
      append("b", "+"),
      [at("read", "a"), "old++"],
      [at("read", "c"), "old++"],
    ],
    only: ["aufs"],
  },
  {
    title: "B042 a link to a lower file copies it up; both names are one file",
    given: { lowers: [base] },
    steps: [
      { op: "link", path: "etc/motd", to: "motd" },
      append("motd", "+"),
      [at("read", "etc/motd"), "welcome+"],
      [{ op: "link", path: "etc", to: "conf" }, "EPERM"],
      [{ op: "link", path: "motd", to: "etc/passwd" }, "EEXIST"],
      rename("motd", "etc/motd"),
    ],
    upper: ["etc/", "etc/motd=welcome+ x2", "motd=welcome+ x2"],
  },
  {
    title: "symlinks are copied up as symlinks, and followed to what they say",
    given: { lowers: [{ ...base, link: { symlink: "etc/motd" }, dead: { symlink: "new" } }] },
    steps: [
      { op: "lchown", path: "link", uid: 1, gid: 1 },
      append("link", "+"),
      create("dead"),
      { op: "symlink", path: "more", target: "link" },
      [at("read", "more"), "welcome+"],
    ],
    upper: ["etc/", "etc/motd=welcome+", "link -> etc/motd 1:1", "more -> link", "new="],
  },
];

const marks: UnionCase[] = [
  {
    title: "B047 a file .wh.x of a lower branch means nothing to overlayfs",
    given: {
      lowers: [
        { ".wh.x": "", d: {}, "d/.wh..wh..opq": "" },
        { x: "1", d: {}, "d/y": "1" },
      ],
    },
    steps: [],
    merged: [".wh.x=", "d/", "d/.wh..wh..opq=", "d/y=1", "x=1"],
    // In a tar it means something.
    only: overlays.filter((kind) => kind !== "merged"),
  },
  {
    title: "B047 a whiteout cannot be made by hand",
    given: { lowers: [base] },
    steps: [
      [{ op: "mknod", path: "x", kind: "char" }, "EPERM"],
      [{ op: "mknod", path: "etc", kind: "char" }, "EEXIST"],
      { op: "mknod", path: "pipe", kind: "fifo" },
    ],
    upper: ["pipe fifo"],
    only: overlays,
  },
  {
    title: "names that AUFS keeps for itself cannot be made",
    given: { lowers: [base] },
    steps: [
      [create(".wh.x"), "EPERM"],
      [mkdir("etc/.wh.x"), "EPERM"],
      [rename("etc/motd", ".wh.motd"), "EPERM"],
      [create("n".repeat(243)), "ENAMETOOLONG"],
      create("n".repeat(242)),
    ],
    only: ["aufs"],
  },
  {
    title: "names have at most 255 bytes",
    given: { lowers: [base] },
    steps: [[create("n".repeat(256)), "ENAMETOOLONG"], create("n".repeat(255))],
    only: overlays,
  },
  {
    title: "attributes of users are for files and directories",
    given: { lowers: [{ link: { symlink: "p" }, p: { fifo: true }, f: "" }] },
    steps: [
      [{ op: "setxattr", path: "p", name: "user.a", value: "1" }, "EPERM"],
      [{ op: "removexattr", path: "p", name: "user.a" }, "EPERM"],
      { op: "setxattr", path: "f", name: "user.a", value: "1" },
      { op: "removexattr", path: "f", name: "user.a" },
      [{ op: "removexattr", path: "f", name: "user.a" }, "ENODATA"],
    ],
    upper: ["f="],
  },
];

export const unionCases: readonly UnionCase[] = [
  ...merging,
  ...reading,
  ...writing,
  ...deleting,
  ...renaming,
  ...attributes,
  ...links,
  ...marks,
];

/** Registers the tests. @param make gives the machine under test, with these lower branches */
export function unionSuite(
  kind: UnionKind,
  make: MakeMachine,
  { skip = false }: { readonly skip?: string | false } = {},
): void {
  for (const { title, given, steps, merged, upper, only } of unionCases) {
    if (only !== undefined && !only.includes(kind)) continue;
    test(`${kind}: ${title}`, { skip }, () => {
      using machine = make(given);
      const before = machine.lowers();
      for (const step of steps) {
        const [operation, expected] = "op" in step ? [step, "ok"] : step;
        assert.equal(machine.run(operation), expected, JSON.stringify(operation));
      }
      // Files of many layers are hard links of each other there (B018): how many says nothing of the union.
      const shown = brief(machine.merged()).map((line) =>
        kind === "overlay" ? line.replace(/ x\d+/, "") : line,
      );
      const wanted = merged?.map((line) => (kind === "overlay" ? line.replace(/ x\d+/, "") : line));
      if (wanted !== undefined) assert.deepEqual(shown, wanted);
      if (upper !== undefined) assert.deepEqual(brief(machine.upper()), upper);
      // B006 B009 B024: lower branches never change.
      assert.deepEqual(machine.lowers().slice(-before.length), before);
    });
  }
}
