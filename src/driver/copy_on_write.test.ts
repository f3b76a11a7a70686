/** What the kernel does with our directories: copy-on-write, whiteouts, links, seen in the upper directory. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { inRoot, makeLayer, newCacheId, directoryOf } from "../../test/suites/driver_helpers.ts";
import { overlaySkip } from "../../test/suites/overlay_skip.ts";
import { scratch } from "../../test/suites/scratch.ts";
import * as sys from "../sys/index.ts";
import { createOverlay2 } from "./index.ts";

/** A container on a small image. */
interface Container {
  /** Path in the merged view. */
  at(path: string): string;
  /** Path in the container's own layer, as it lies on disk. */
  upper(path: string): string;
  /** Path in the image's layer. */
  lower(path: string): string;
  /** Everything in the container's own layer. */
  own(): string[];
}

/** Registers a test on a mounted container. */
function onContainer(title: string, body: (container: Container) => void): void {
  test(title, { skip: overlaySkip }, async () => {
    using dir = scratch("cow");
    const driver = createOverlay2({ root: join(dir.path, "overlay2") });
    const image = await makeLayer(driver, undefined, fillImage);
    const id = newCacheId();
    await driver.create(id, image);
    const lowerDirectory = directoryOf(driver, image).directory;
    const upperDirectory = directoryOf(driver, id).directory;
    await inRoot(driver, id, (root) => {
      body({
        at: (path) => join(root, path),
        upper: (path) => join(upperDirectory, path),
        lower: (path) => join(lowerDirectory, path),
        own: () => fs.readdirSync(upperDirectory, { recursive: true, encoding: "utf8" }).sort(),
      });
    });
  });
}

function fillImage(root: string): void {
  const at = (path: string): string => join(root, path);
  for (const path of ["etc/deep/er", "bin", "data"]) fs.mkdirSync(at(path), { recursive: true });
  fs.chmodSync(at("etc"), 0o751);
  fs.writeFileSync(at("etc/profile"), "profile");
  fs.writeFileSync(at("etc/deep/er/file"), "deep");
  fs.writeFileSync(at("etc/deep/er/sibling"), "");
  fs.writeFileSync(at("bin/tool"), "#!/bin/sh\nexit 7\n", { mode: 0o755 });
  fs.writeFileSync(at("data/one"), "linked");
  fs.linkSync(at("data/one"), at("data/two"));
}

const sha256 = (path: string): string => createHash("sha256").update(fs.readFileSync(path)).digest("hex");

function isWhiteout(path: string): boolean {
  const stat = sys.statAt(sys.AT_FDCWD, path);
  return stat.mode === sys.S_IFCHR && stat.rdevMajor === 0 && stat.rdevMinor === 0;
}

const xattr = (path: string, name: string): string | undefined => {
  const value = sys.getXattrAt(sys.AT_FDCWD, path, name);
  return value && Buffer.from(value).toString("latin1");
};

onContainer("B023 reading never copies up: O_CREAT, stat, readdir, exec, failed O_EXCL", ({ at, own }) => {
  const { O_RDONLY, O_CREAT, O_EXCL, O_WRONLY } = fs.constants;
  fs.closeSync(fs.openSync(at("etc/profile"), O_RDONLY | O_CREAT));
  assert.equal(fs.readFileSync(at("etc/profile"), "utf8"), "profile");
  fs.statSync(at("etc/profile"));
  assert.deepEqual(fs.readdirSync(at("etc/deep/er")).sort(), ["file", "sibling"]);
  assert.equal(spawnSync(at("bin/tool")).status, 7);
  assert.throws(() => fs.openSync(at("etc/profile"), O_WRONLY | O_CREAT | O_EXCL), { code: "EEXIST" });
  assert.deepEqual(own(), []);
});

const triggers: Record<string, (path: string) => void> = {
  "open for writing": (path) => fs.closeSync(fs.openSync(path, "r+")),
  truncate: (path) => fs.truncateSync(path, 3),
  chmod: (path) => fs.chmodSync(path, 0o600),
  chown: (path) => fs.chownSync(path, 1, 2),
  utimes: (path) => fs.utimesSync(path, 1, 2),
  setxattr: (path) => sys.setXattrAt(sys.AT_FDCWD, path, "user.x", Buffer.from("y")),
  link: (path) => fs.linkSync(path, `${path}.link`),
  rename: (path) => fs.renameSync(path, `${path}.link`),
};

for (const [name, trigger] of Object.entries(triggers)) {
  onContainer(`B024 ${name} copies the whole file up, the lower one stays`, ({ at, upper, lower, own }) => {
    const before = sha256(lower("etc/profile"));
    trigger(at("etc/profile"));
    const copied = ["link", "rename"].includes(name) ? "etc/profile.link" : "etc/profile";
    assert.ok(own().includes(copied), own().join());
    assert.equal(fs.readFileSync(upper(copied), "utf8"), name === "truncate" ? "pro" : "profile");
    assert.equal(sha256(lower("etc/profile")), before);
    assert.equal(fs.statSync(lower("etc/profile")).mode & 0o7777, 0o644);
  });
}

onContainer(
  "B025 the grain is the file: one byte appended stores all of it; O_TRUNC only the new",
  ({ at, upper, lower }) => {
    const size = 5_000_000;
    // Written below the mount: the kernel looks the name up only now.
    fs.writeFileSync(lower("big"), Buffer.alloc(size, "b"));
    fs.writeFileSync(lower("cut"), Buffer.alloc(size, "c"));
    fs.appendFileSync(at("big"), "+");
    assert.equal(fs.statSync(upper("big")).size, size + 1);
    assert.ok(fs.statSync(upper("big")).blocks * 512 >= size);
    fs.writeFileSync(at("cut"), "new");
    assert.equal(fs.statSync(upper("cut")).size, 3);
  },
);

onContainer(
  "B026 copy-up makes the parents with their attributes and without their children",
  ({ at, upper, own }) => {
    fs.chownSync(at("etc/deep"), 5, 6);
    fs.appendFileSync(at("etc/deep/er/file"), "+");
    assert.deepEqual(own(), ["etc", "etc/deep", "etc/deep/er", "etc/deep/er/file"]);
    assert.equal(fs.statSync(upper("etc")).mode & 0o7777, 0o751);
    assert.deepEqual([fs.statSync(upper("etc/deep")).uid, fs.statSync(upper("etc/deep")).gid], [5, 6]);
  },
);

onContainer("B028 later writes change the upper inode in place", ({ at, upper }) => {
  fs.appendFileSync(at("etc/profile"), "1");
  const first = fs.statSync(upper("etc/profile")).ino;
  fs.appendFileSync(at("etc/profile"), "2");
  assert.equal(fs.statSync(upper("etc/profile")).ino, first);
  assert.equal(fs.readFileSync(upper("etc/profile"), "utf8"), "profile12");
});

onContainer("B029 what is new needs no whiteout and no opaque mark", ({ at, upper, own }) => {
  fs.mkdirSync(at("new/sub"), { recursive: true });
  fs.writeFileSync(at("new/sub/f"), "");
  assert.deepEqual(own(), ["new", "new/sub", "new/sub/f"]);
  for (const path of own()) assert.equal(xattr(upper(path), "trusted.overlay.opaque"), undefined, path);
});

onContainer(
  "B030 deleting a lower file leaves it there and puts a whiteout on top",
  ({ at, upper, lower, own }) => {
    fs.unlinkSync(at("etc/profile"));
    assert.throws(() => fs.statSync(at("etc/profile")), { code: "ENOENT" });
    assert.deepEqual(own(), ["etc", "etc/profile"]);
    assert.ok(isWhiteout(upper("etc/profile")));
    assert.equal(fs.readFileSync(lower("etc/profile"), "utf8"), "profile");
  },
);

onContainer("B031 deleting what only the container has just removes it", ({ at, own }) => {
  fs.writeFileSync(at("etc/deep/mine"), "");
  fs.unlinkSync(at("etc/deep/mine"));
  assert.deepEqual(own(), ["etc", "etc/deep"]);
});

onContainer(
  "B032 rm -r of a lower directory leaves one whiteout; rmdir of a filled one fails",
  ({ at, upper, own }) => {
    assert.throws(() => fs.rmdirSync(at("etc/deep")), { code: "ENOTEMPTY" });
    execFileSync("rm", ["-r", at("etc/deep")]);
    assert.deepEqual(own(), ["etc", "etc/deep"]);
    assert.ok(isWhiteout(upper("etc/deep")));
  },
);

onContainer("B035 a directory deleted and made again is opaque", ({ at, upper, own }) => {
  execFileSync("rm", ["-r", at("etc/deep")]);
  fs.mkdirSync(at("etc/deep"));
  assert.deepEqual(fs.readdirSync(at("etc/deep")), []);
  assert.equal(xattr(upper("etc/deep"), "trusted.overlay.opaque"), "y");
  assert.deepEqual(own(), ["etc", "etc/deep"]);
});

onContainer(
  "B036 renaming a lower file: the new name and a whiteout, also over another lower file",
  ({ at, upper, own }) => {
    fs.renameSync(at("etc/profile"), at("bin/tool"));
    assert.deepEqual(own(), ["bin", "bin/tool", "etc", "etc/profile"]);
    assert.equal(fs.readFileSync(upper("bin/tool"), "utf8"), "profile");
    assert.ok(isWhiteout(upper("etc/profile")));
  },
);

onContainer(
  "B037 renaming a lower directory is EXDEV, mv copies; an own directory renames",
  ({ at, upper, own }) => {
    assert.throws(() => fs.renameSync(at("etc/deep"), at("moved")), { code: "EXDEV" });
    execFileSync("mv", [at("etc/deep"), at("moved")]);
    assert.ok(isWhiteout(upper("etc/deep")));
    assert.equal(fs.readFileSync(upper("moved/er/file"), "utf8"), "deep");
    fs.mkdirSync(at("mine"));
    fs.renameSync(at("mine"), at("mine2"));
    assert.deepEqual(own(), [
      "etc",
      "etc/deep",
      "mine2",
      "moved",
      "moved/er",
      "moved/er/file",
      "moved/er/sibling",
    ]);
  },
);

onContainer("B039 chmod of a lower file stores all its data again", ({ at, upper, lower }) => {
  fs.chmodSync(at("bin/tool"), 0o777);
  assert.equal(sha256(upper("bin/tool")), sha256(lower("bin/tool")));
  assert.equal(fs.statSync(upper("bin/tool")).mode & 0o7777, 0o777);
  assert.equal(fs.statSync(lower("bin/tool")).mode & 0o7777, 0o755);
});

onContainer("B040 chmod of a directory copies the directory alone", ({ at, own }) => {
  fs.chmodSync(at("etc/deep"), 0o700);
  assert.deepEqual(own(), ["etc", "etc/deep"]);
  assert.deepEqual(fs.readdirSync(at("etc/deep/er")).sort(), ["file", "sibling"]);
});

onContainer("B041 writing to one of two lower hard links parts them", ({ at, own }) => {
  fs.appendFileSync(at("data/one"), "+");
  assert.deepEqual(own(), ["data", "data/one"]);
  assert.equal(fs.readFileSync(at("data/one"), "utf8"), "linked+");
  assert.equal(fs.readFileSync(at("data/two"), "utf8"), "linked");
  assert.deepEqual([fs.statSync(at("data/one")).nlink, fs.statSync(at("data/two")).nlink], [1, 2]);
});

onContainer("B042 linking a lower file copies it up, both names share the copy", ({ at, upper, own }) => {
  fs.linkSync(at("etc/profile"), at("etc/again"));
  assert.deepEqual(own(), ["etc", "etc/again", "etc/profile"]);
  assert.equal(fs.statSync(upper("etc/again")).ino, fs.statSync(upper("etc/profile")).ino);
  assert.equal(fs.statSync(upper("etc/again")).nlink, 2);
});

onContainer(
  "B047 .wh. names mean nothing to the kernel; mknod c 0 0 in the view is EPERM",
  ({ at, lower }) => {
    fs.writeFileSync(lower(".wh.bin"), "");
    fs.writeFileSync(lower("data/.wh..wh..opq"), "");
    assert.equal(fs.existsSync(at("bin/tool")), true);
    assert.deepEqual(fs.readdirSync(at("data")).sort(), [".wh..wh..opq", "one", "two"]);
    assert.throws(() => sys.mknodAt(sys.AT_FDCWD, at("fake"), sys.S_IFCHR, 0, 0), { code: "EPERM" });
  },
);

onContainer(
  "B050 a file opened before copy-up: read gives the new bytes, a mapping keeps the old; inode stays",
  ({ at }) => {
    const path = at("etc/profile");
    const before = fs.statSync(path);
    const fd = fs.openSync(path, "r");
    {
      using map = sys.mapFile(fd, 7);
      assert.equal(Buffer.from(map.bytes).toString("latin1"), "profile");
      fs.writeFileSync(path, "changed");
      assert.equal(Buffer.from(map.bytes).toString("latin1"), "profile");
    }
    const bytes = Buffer.alloc(7);
    fs.readSync(fd, bytes, 0, 7, 0);
    assert.equal(bytes.toString("latin1"), "changed");
    fs.closeSync(fd);
    assert.deepEqual([fs.statSync(path).ino, fs.statSync(path).dev], [before.ino, before.dev]);
  },
);

test(
  "B051 two containers that read one lower file share its page cache",
  { skip: overlaySkip },
  async (context) => {
    using dir = scratch("cow");
    const driver = createOverlay2({ root: join(dir.path, "overlay2") });
    const pages = 64;
    const image = await makeLayer(driver, undefined, (root) => {
      const fd = fs.openSync(join(root, "library"), "w");
      fs.writeSync(fd, Buffer.alloc(pages * sys.pageSize(), "l"));
      // Only clean pages can be dropped.
      fs.fsyncSync(fd);
      fs.closeSync(fd);
    });
    const resident = (path: string): number => {
      const fd = fs.openSync(path, "r+");
      try {
        using map = sys.mapFile(fd, pages * sys.pageSize());
        return map.residentPages();
      } finally {
        fs.closeSync(fd);
      }
    };
    const lower = join(directoryOf(driver, image).directory, "library");
    const fd = fs.openSync(lower, "r");
    sys.dropPages(fd);
    fs.closeSync(fd);
    const cold = resident(lower);
    if (cold === pages) return context.skip("this file system is nothing but page cache");
    const [one, two] = [await makeLayer(driver, image), await makeLayer(driver, image)];
    await inRoot(driver, one, (root) => fs.readFileSync(join(root, "library")));
    assert.equal(resident(lower), pages);
    await inRoot(driver, two, (root) => {
      const path = join(root, "library");
      const second = fs.openSync(path, "r");
      using map = sys.mapFile(second, pages * sys.pageSize());
      assert.equal(map.residentPages(), pages);
      fs.closeSync(second);
    });
  },
);
