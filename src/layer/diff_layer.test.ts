import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { arbitraryTree, makeTree } from "../../test/support/arbitrary_tree.ts";
import { applyTar, diffTar, listTar, subdirectory } from "../../test/support/layer_help.ts";
import { parseTar } from "../../test/support/tar_help.ts";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";
import { scratch, unlessRoot } from "../../test/suites/scratch.ts";
import { collect } from "../bytes/index.ts";
import { compareTrees, diffLayer, treeTar } from "./index.ts";

const skip = unlessRoot;
const sh = (cwd: string, script: string): string =>
  execFileSync("sh", ["-ec", script], { cwd, encoding: "utf8" });

test(
  "B141 depth first, names sorted by byte in each directory, no ./ and no root entry",
  { skip },
  async () => {
    using at = scratch("layer");
    sh(
      at.path,
      "mkdir -p a/b Z; touch a/b/c a-b a.b a/z Z/q \"$(printf '\\351')\" é; ln -s x zz; mkfifo p; mknod n b 7 1",
    );
    const tar = await diffTar({ directory: at.path, whiteouts: "overlay" });
    const expected = [
      "Z/",
      "Z/q",
      "a/",
      "a/b/",
      "a/b/c",
      "a/z",
      "a-b",
      "a.b",
      "n (block)",
      "p (fifo)",
      "zz (symlink x)",
      "\xc3\xa9",
      "\xe9",
    ];
    // A directory sorts by its name alone: "a" comes before "a-b".
    assert.deepEqual(listTar(tar), expected);
    assert.ok(
      tar.equals(Buffer.from(await diffTar({ directory: at.path, whiteouts: "overlay" }))),
      "twice the same",
    );
    assert.ok(tar.subarray(-1024).equals(Buffer.alloc(1024)) && tar.length % 512 === 0);
  },
);

test("B042 of two names the first in walk order is the file, the other a link to it", { skip }, async () => {
  using at = scratch("layer");
  sh(at.path, "mkdir d; echo content > z; ln z d/a; ln z b; ln -s t l; ln l k");
  const tar = await diffTar({ directory: at.path, whiteouts: "overlay" });
  assert.deepEqual(listTar(tar), [
    "b",
    "d/",
    "d/a (hardlink b)",
    "k (symlink t)",
    "l (hardlink k)",
    "z (hardlink b)",
  ]);
});

test("B059 sockets are left out", { skip }, async () => {
  using at = scratch("layer");
  const server = createServer().listen(join(at.path, "socket"));
  writeFileSync(join(at.path, "file"), "");
  const tar = await diffTar({ directory: at.path, whiteouts: "overlay" });
  server.close();
  assert.deepEqual(listTar(tar), ["file"]);
});

test("apply(diff(x)) = x for overlay directories, and the diff is the same again", { skip }, async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryTree(true), async (tree) => {
      using at = scratch("layer");
      const [from, to] = [subdirectory(at.path, "from"), subdirectory(at.path, "to")];
      makeTree(from, tree);
      const tar = await diffTar({ directory: from, whiteouts: "overlay" });
      applyTar(to, tar);
      assert.deepEqual(compareTrees(from, to), []);
      assert.ok(tar.equals(await diffTar({ directory: to, whiteouts: "overlay" })));
    }),
    { numRuns: 60 },
  );
});

test("apply(diff(x over y)) on a copy of y = x, for copies", { skip }, async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryTree(false), arbitraryTree(false), async (lower, upper) => {
      using at = scratch("layer");
      const [before, after, again] = [
        subdirectory(at.path, "before"),
        subdirectory(at.path, "after"),
        subdirectory(at.path, "again"),
      ];
      for (const path of [before, again]) makeTree(path, lower);
      makeTree(after, upper);
      const tar = await diffTar({ directory: after, whiteouts: "remove", lowers: [before] });
      applyTar(again, tar, { style: "remove" });
      // Equal files stay apart: a tar cannot link to what it does not hold.
      const ignore = ["directory times", "links"] as const;
      assert.deepEqual(compareTrees(after, again, { ignore }), []);
    }),
    { numRuns: 60 },
  );
});

const overlaid = { skip: unlessRoot || overlaySkip };

test("B036 B037 B040 what the kernel leaves in an upper directory, as a tar", overlaid, async () => {
  using at = new Overlay("redirect_dir=off,metacopy=off");
  sh(at.lower, "mkdir -p d/sub etc; echo old > d/sub/f; echo p > etc/profile; echo m > etc/motd");
  at.change("mv etc/motd etc/moved; chmod 700 d; echo more >> etc/profile");
  assert.deepEqual(await at.list(), ["d/", "etc/", "etc/.wh.motd", "etc/moved", "etc/profile"]);
});

test("B038 a directory renamed with a redirect is told in full", overlaid, async () => {
  using at = new Overlay("redirect_dir=on,metacopy=off");
  sh(
    at.lower,
    "mkdir -p a/deep/er b new; echo 1 > a/deep/f; echo 2 > a/deep/er/g; echo 3 > a/deep/gone; echo hidden > b/x; echo shadow > new/shadow",
  );
  at.change(
    "mv a/deep renamed; rm renamed/gone; echo 4 > renamed/added; echo 5 > renamed/er/h; mv b a/b2; mv a/b2/x a/b2/y; rm -r new; mv renamed new",
  );
  assert.deepEqual(await at.list(), [
    "a/",
    "a/b2/",
    "a/b2/.wh..wh..opq",
    "a/b2/y",
    "a/.wh.deep",
    ".wh.b",
    "new/",
    "new/.wh..wh..opq",
    "new/added",
    "new/er/",
    "new/er/g",
    "new/er/h",
    "new/f",
  ]);
  await at.checkAgainstMount();
});

test(
  "B039 a copy of attributes only is told with its content, also when it was renamed",
  overlaid,
  async () => {
    using at = new Overlay("redirect_dir=on,metacopy=on");
    sh(
      at.lower,
      "mkdir -p d/e; printf content > d/f; printf moved > d/m; printf deep > d/e/deep; printf twice > d/t",
    );
    at.change(
      "chmod 600 d/f; chown 5:6 d/m; mv d/m moved; mv d/e elsewhere; chmod 711 elsewhere/deep; chmod 600 d/t; ln d/t d/t2",
    );
    const entries = parseTar(await at.diff());
    const found = entries
      .filter(({ entry }) => entry.type === "file")
      .map(({ entry, body }) => [entry.path, entry.mode, body.toString()]);
    assert.deepEqual(
      found.filter(([path]) => !String(path).includes(".wh.")),
      [
        ["d/f", 0o600, "content"],
        ["d/t", 0o600, "twice"],
        ["elsewhere/deep", 0o711, "deep"],
        ["moved", 0o644, "moved"],
      ],
    );
    await at.checkAgainstMount();
  },
);

test("B038 B039 redirects and metacopies in a lower layer are followed", overlaid, async () => {
  using at = new Overlay("redirect_dir=on,metacopy=on");
  sh(at.lower, "mkdir -p a/b; printf one > a/b/one; printf two > a/b/two");
  at.change("mv a/b c; chmod 600 c/one");
  at.stack();
  at.change("mv c d; chmod 640 d/one d/two; printf three > d/three");
  const tar = await at.diff();
  const files = parseTar(tar).filter(({ entry }) => entry.path.startsWith("d/") && entry.size > 0);
  assert.deepEqual(
    files.map(({ entry, body }) => [entry.path, entry.mode, body.toString()]),
    [
      ["d/one", 0o640, "one"],
      ["d/three", 0o644, "three"],
      ["d/two", 0o640, "two"],
    ],
  );
  await at.checkAgainstMount();
});

test("B039 a metacopy without content below is an error, not an empty file", overlaid, async () => {
  using at = new Overlay("redirect_dir=on,metacopy=on");
  sh(at.lower, "printf content > f");
  at.change("chmod 600 f");
  await assert.rejects(diffTar({ directory: at.upper, whiteouts: "overlay" }), {
    kind: "corrupt",
    message: /"\/f".*is in no layer below/,
  });
});

test("treeTar holds the whole tree, whatever its names and devices seem to say", { skip }, async () => {
  using at = scratch("layer");
  sh(at.path, "mkdir d; touch .wh.x d/.wh..wh..opq; mknod w c 0 0");
  const tar = Buffer.from(await collect(treeTar(at.path, { signal: new AbortController().signal }), 1 << 20));
  assert.deepEqual(listTar(tar), [".wh.x", "d/", "d/.wh..wh..opq", "w (char)"]);
});

test("a diff can be cancelled and leaves no descriptor open", { skip }, async () => {
  using at = scratch("layer");
  for (let i = 0; i < 40; i++) {
    mkdirSync(join(at.path, `d${i}/e/f`), { recursive: true });
    writeFileSync(join(at.path, `d${i}/e/f/file`), Buffer.alloc(100_000));
  }
  const controller = new AbortController();
  const source = diffLayer({ directory: at.path, whiteouts: "overlay", signal: controller.signal });
  await assert.rejects(
    async () => {
      for await (const _ of source) {
        assert.notDeepEqual(openBelow(at.path), []);
        controller.abort();
        // Longer than a slice: then it looks up.
        await new Promise((resolve) => setTimeout(resolve, 15));
      }
    },
    { kind: "cancelled" },
  );
  assert.deepEqual(openBelow(at.path), []);
  const { signal } = new AbortController();
  for await (const _ of diffLayer({ directory: at.path, whiteouts: "overlay", signal })) break;
  assert.deepEqual(openBelow(at.path), []);
});

/** What this process has open in a directory. */
function openBelow(path: string): string[] {
  const targets = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  return targets.filter((target) => target.startsWith(path));
}

test(
  "a file that shrinks while it is read is filled up with zeros: the tar stays whole",
  { skip },
  async () => {
    using at = scratch("layer");
    const path = join(at.path, "log");
    writeFileSync(path, Buffer.alloc(2 << 20, 1));
    const parts: Uint8Array[] = [];
    for await (const chunk of diffLayer({
      directory: at.path,
      whiteouts: "overlay",
      signal: new AbortController().signal,
    })) {
      if (parts.push(chunk) === 1) truncateSync(path, 1 << 20);
    }
    const [file] = parseTar(Buffer.concat(parts));
    assert.equal(file?.body.length, 2 << 20);
    assert.equal(file?.body.at(-1), 0);
  },
);

/** A real overlay: `lower` is filled first, then changed through a mount. */
class Overlay implements Disposable {
  readonly #base = scratch("layer");
  readonly #options: string;
  #lowers: string[];
  #count = 0;
  upper: string;

  constructor(options: string) {
    this.#options = options;
    this.#lowers = [subdirectory(this.#base.path, "lower")];
    this.upper = subdirectory(this.#base.path, "upper");
  }

  get lower(): string {
    return this.#lowers[0] as string;
  }

  /** Puts the upper directory on top of the lower ones and begins a new one. */
  stack(): void {
    this.#lowers = [this.upper, ...this.#lowers];
    this.upper = subdirectory(this.#base.path, `upper${++this.#count}`);
  }

  change(script: string): void {
    this.#mounted((merged) => sh(merged, script));
  }

  diff(): Promise<Buffer> {
    return diffTar({ directory: this.upper, whiteouts: "overlay", lowers: this.#lowers });
  }

  async list(): Promise<string[]> {
    return listTar(await this.diff());
  }

  /** The layer tar, unpacked in the place of the upper directory, shows the same merged tree. */
  async checkAgainstMount(): Promise<void> {
    const plain = subdirectory(this.#base.path, "plain");
    applyTar(plain, await this.diff());
    const [ours, theirs] = [subdirectory(this.#base.path, "ours"), subdirectory(this.#base.path, "theirs")];
    this.#mounted((merged) => execFileSync("cp", ["-a", `${merged}/.`, theirs]));
    this.#mounted((merged) => execFileSync("cp", ["-a", `${merged}/.`, ours]), plain);
    assert.deepEqual(compareTrees(theirs, ours, { ignore: ["times"] }), []);
  }

  #mounted(work: (merged: string) => void, upper = this.upper): void {
    const [workDir, merged] = ["work", "merged"].map((name) =>
      subdirectory(this.#base.path, `${name}${++this.#count}`),
    ) as [string, string];
    const data = `${this.#options},lowerdir=${this.#lowers.join(":")},upperdir=${upper},workdir=${workDir}`;
    execFileSync("mount", ["-t", "overlay", "overlay", "-o", data, merged]);
    try {
      work(merged);
    } finally {
      execFileSync("umount", [merged]);
    }
  }

  [Symbol.dispose](): void {
    this.#base[Symbol.dispose]();
  }
}
