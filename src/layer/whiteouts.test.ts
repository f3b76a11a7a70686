import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { applyTar, diffTar, dir, listTar, subdirectory } from "../../test/support/layer_help.ts";
import { type PackedFile, parseTar, tarFile } from "../../test/support/tar_help.ts";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";
import * as sys from "../sys/index.ts";
import type { WhiteoutStyle } from "./index.ts";

const skip = unlessRoot;
const styles: readonly WhiteoutStyle[] = ["overlay", "overlay-user", "aufs"];
const file = (path: string, body = "", fields = {}): PackedFile => tarFile({ path, ...fields }, body);
const mark = (path: string, fields = {}): PackedFile => file(path, "", { mode: 0o600, ...fields });

/** Every form of hiding, in the order in which a diff tells it. */
const layer: readonly PackedFile[] = [
  dir("d/", { mode: 0o750, uid: 1, gid: 2 }),
  mark("d/.wh.a"),
  file("d/b", "b"),
  mark("d/.wh.c"),
  mark(".wh.gone", { uid: 3, gid: 4, mtime: 1_234_567_890 }),
  dir("opaque/", { mode: 0o711, uid: 5, gid: 6 }),
  mark("opaque/.wh..wh..opq", { mode: 0o711, uid: 5, gid: 6, mtime: 0 }),
  file("opaque/kept", "k"),
  dir("opaque/sub/"),
];

test("B043 a layer goes through all three spellings and comes back without loss", { skip }, async () => {
  const once = listTar(await roundTrip(layer, "overlay"));
  assert.deepEqual(
    once,
    layer.map(({ entry }) => entry.path),
  );
  const tars = await Promise.all(styles.map((style) => roundTrip(layer, style)));
  for (const tar of tars) assert.ok(tar.equals(tars[0] as Buffer));
  // And on, through each spelling after another.
  let tar = tars[0] as Buffer;
  for (const style of [...styles, ...styles]) tar = await roundTrip(tar, style);
  assert.ok(tar.equals(tars[0] as Buffer));
});

async function roundTrip(tar: Buffer | readonly PackedFile[], style: WhiteoutStyle): Promise<Buffer> {
  using at = scratch("layer");
  applyTar(at.path, tar, { style });
  return await diffTar({ directory: at.path, whiteouts: style });
}

test("B043 overlay spells a whiteout as device 0/0 of mode 000 and opaque as an attribute", { skip }, () => {
  for (const [style, attribute] of [
    ["overlay", "trusted.overlay.opaque"],
    ["overlay-user", "user.overlay.opaque"],
  ] as const) {
    using at = scratch("layer");
    applyTar(at.path, layer, { style });
    const { mode, rdevMajor, rdevMinor, uid, gid } = sys.statAt(sys.AT_FDCWD, join(at.path, "gone"));
    assert.deepEqual([mode, rdevMajor, rdevMinor, uid, gid], [0o020000, 0, 0, 3, 4]);
    assert.equal(
      Buffer.from(sys.getXattrAt(sys.AT_FDCWD, join(at.path, "opaque"), attribute) ?? []).toString(),
      "y",
    );
    assert.deepEqual(readdirSync(join(at.path, "opaque")).sort(), ["kept", "sub"]);
  }
});

test("B043 AUFS spells them as in the tar", { skip }, () => {
  using at = scratch("layer");
  applyTar(at.path, layer, { style: "aufs" });
  assert.deepEqual(readdirSync(at.path).sort(), [".wh.gone", "d", "opaque"]);
  assert.deepEqual(readdirSync(join(at.path, "opaque")).sort(), [".wh..wh..opq", "kept", "sub"]);
  assert.ok(lstatSync(join(at.path, ".wh.gone")).isFile());
});

test(
  "a whiteout in an opaque directory is dropped before and after the mark: the kernel would list it",
  { skip },
  () => {
    for (const style of ["overlay", "aufs"] as const) {
      using at = scratch("layer");
      applyTar(
        at.path,
        [
          dir("o"),
          mark("o/.wh.before"),
          dir("o/sub"),
          mark("o/sub/.wh.before"),
          mark("o/.wh..wh..opq"),
          mark("o/.wh.after"),
          mark("o/sub/.wh.after"),
        ],
        { style },
      );
      assert.deepEqual(
        readdirSync(join(at.path, "o")).filter((name) => !name.startsWith(".wh..wh.")),
        ["sub"],
      );
      assert.deepEqual(readdirSync(join(at.path, "o/sub")), []);
    }
  },
);

function lowerCopy(path: string): void {
  for (const name of ["gone/deep", "d", "opaque/sub/old", "opaque/lost"])
    mkdirSync(join(path, name), { recursive: true });
  for (const name of [
    "gone/deep/f",
    "d/a",
    "d/b",
    "d/c",
    "d/z",
    "opaque/kept",
    "opaque/sub/old/f",
    "opaque/lost/f",
  ]) {
    writeFileSync(join(path, name), "old");
  }
}

const left = ["d", "d/b", "d/z", "opaque", "opaque/kept", "opaque/sub"];

test("B043 in a copy names are really removed, wherever the marks stand", { skip }, () => {
  const late = [
    ...layer.filter(({ entry }) => !entry.path.includes(".wh.")),
    ...layer.filter(({ entry }) => entry.path.includes(".wh.")),
  ];
  for (const files of [layer, late]) {
    using at = scratch("layer");
    lowerCopy(at.path);
    applyTar(at.path, files, { style: "remove" });
    const found = execFileSync("find", [".", "-mindepth", "1", "-printf", "%P\n"], {
      cwd: at.path,
      encoding: "utf8",
    });
    assert.deepEqual(found.trim().split("\n").sort(), left);
  }
});

test(
  "B014 an opaque mark after its siblings keeps what the layer wrote through other spellings",
  { skip },
  () => {
    using at = scratch("layer");
    lowerCopy(at.path);
    const link = tarFile({ path: "l", type: "symlink", linkPath: "opaque" });
    applyTar(at.path, [link, file("l/sub/new", "n"), mark("opaque/.wh..wh..opq")], { style: "remove" });
    assert.deepEqual(readdirSync(join(at.path, "opaque")), ["sub"]);
    assert.deepEqual(readdirSync(join(at.path, "opaque/sub")), ["new"]);
  },
);

test("B043 a copy's diff against its parent hides what the layer hid", { skip }, async () => {
  using at = scratch("layer");
  const [before, after] = [subdirectory(at.path, "before"), subdirectory(at.path, "after")];
  for (const path of [before, after]) lowerCopy(path);
  execFileSync("touch", [
    "-d",
    "@1500000000",
    ...["d/z", "opaque/kept"].flatMap((f) => [join(before, f), join(after, f)]),
  ]);
  applyTar(after, layer, { style: "remove" });
  const tar = await diffTar({ directory: after, whiteouts: "remove", lowers: [before] });
  assert.deepEqual(listTar(tar), [
    "d/",
    "d/.wh.a",
    "d/b",
    "d/.wh.c",
    ".wh.gone",
    "opaque/",
    "opaque/kept",
    "opaque/.wh.lost",
    "opaque/sub/",
    "opaque/sub/.wh.old",
  ]);
});

test("B044 B141 headers of whiteouts and opaque marks", { skip }, async () => {
  using at = scratch("layer");
  applyTar(at.path, layer);
  const headers = new Map<string, Buffer>();
  const tar = await diffTar({ directory: at.path, whiteouts: "overlay" });
  for (let block = 0; tar[block] !== 0; block += 512) {
    const name = tar.toString("latin1", block, tar.indexOf(0, block));
    headers.set(name, tar.subarray(block, block + 512));
    block += Math.ceil(Number.parseInt(tar.toString("latin1", block + 124, block + 135), 8) / 512) * 512;
  }
  const fields = (name: string): string[] => {
    const header = headers.get(name) as Buffer;
    // mode, uid, gid, size, mtime, type, and magic with version
    return [
      [100, 107],
      [108, 115],
      [116, 123],
      [124, 135],
      [136, 147],
      [156, 157],
      [257, 265],
    ].map(([from, to]) => header.toString("latin1", from, to));
  };
  const magic = "ustar\u000000";
  assert.deepEqual(fields(".wh.gone"), [
    "0000600",
    "0000003",
    "0000004",
    "00000000000",
    "11145401322",
    "0",
    magic,
  ]);
  assert.deepEqual(fields("opaque/.wh..wh..opq"), [
    "0000711",
    "0000005",
    "0000006",
    "00000000000",
    "00000000000",
    "0",
    magic,
  ]);
  assert.deepEqual(fields("opaque/").slice(0, 4), ["0040711", "0000005", "0000006", "00000000000"]);
  assert.deepEqual(fields("d/b").slice(0, 4), ["0100644", "0000000", "0000000", "00000000001"]);
  const names = headers.get("d/b")?.toString("latin1", 265, 329);
  assert.equal(names, "\0".repeat(64), "B141 no user and group names");
});

test(
  "B045 hard-linked whiteout devices become independent entries",
  { skip: unlessRoot || overlaySkip },
  async () => {
    using at = scratch("layer");
    const lower = subdirectory(at.path, "lower");
    for (const name of ["a", "b", "c"]) writeFileSync(join(lower, name), name);
    const upper = inOverlay(at.path, [lower], (merged) => execFileSync("rm", ["a", "b"], { cwd: merged }));
    const entries = parseTar(await diffTar({ directory: upper, whiteouts: "overlay", lowers: [lower] }));
    assert.deepEqual(
      entries.map(({ entry }) => [entry.path, entry.type, entry.linkPath]),
      [
        [".wh.a", "file", ""],
        [".wh.b", "file", ""],
      ],
    );
  },
);

test(
  "B046 overlay's own attributes never enter a layer tar",
  { skip: unlessRoot || overlaySkip },
  async () => {
    using at = scratch("layer");
    const lower = subdirectory(at.path, "lower");
    mkdirSync(join(lower, "d/e"), { recursive: true });
    writeFileSync(join(lower, "d/f"), "f");
    const upper = inOverlay(at.path, [lower], (merged) => {
      execFileSync(
        "sh",
        ["-c", "touch d/f; ln d/f d/g; rm -r d/e; mkdir d/e; setfattr -n user.kept -v 1 d/f"],
        { cwd: merged },
      );
    });
    assert.ok(
      sys.listXattrAt(sys.AT_FDCWD, join(upper, "d")).some((name) => name.startsWith("trusted.overlay.")),
    );
    const tar = await diffTar({ directory: upper, whiteouts: "overlay", lowers: [lower] });
    const found = parseTar(tar).flatMap(({ entry }) => [...(entry.xattrs?.keys() ?? [])]);
    assert.deepEqual(found, ["user.kept", "user.kept"]);
    assert.deepEqual(listTar(tar), ["d/", "d/e/", "d/e/.wh..wh..opq", "d/f", "d/g (hardlink d/f)"]);
  },
);

test(
  "B047 in a merged mount a file .wh.x means nothing, and a device 0/0 cannot be made",
  { skip: unlessRoot || overlaySkip },
  () => {
    using at = scratch("layer");
    const lower = subdirectory(at.path, "lower");
    writeFileSync(join(lower, "x"), "x");
    const middle = subdirectory(at.path, "middle");
    writeFileSync(join(middle, ".wh.x"), "");
    inOverlay(at.path, [middle, lower], (merged) => {
      assert.deepEqual(readdirSync(merged).sort(), [".wh.x", "x"]);
      assert.throws(() => sys.mknodAt(sys.AT_FDCWD, join(merged, "n"), sys.S_IFCHR), { code: "EPERM" });
      assert.equal(existsSync(join(merged, "n")), false);
    });
  },
);

/** Runs `work` in a mount over `lowers`, nearest first. @returns the upper directory */
function inOverlay(
  base: string,
  lowers: readonly string[],
  work: (merged: string) => void,
  options = "redirect_dir=off,metacopy=off",
): string {
  const [upper, workDir, merged] = ["upper", "work", "merged"].map((name) => subdirectory(base, name)) as [
    string,
    string,
    string,
  ];
  execFileSync("mount", [
    "-t",
    "overlay",
    "overlay",
    "-o",
    `${options},lowerdir=${lowers.join(":")},upperdir=${upper},workdir=${workDir}`,
    merged,
  ]);
  try {
    work(merged);
  } finally {
    execFileSync("umount", [merged]);
  }
  return upper;
}
