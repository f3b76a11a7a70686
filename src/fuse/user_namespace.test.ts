/** An ordinary user: FUSE and overlayfs in a user namespace of his own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { scratch, type Scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "../sys/index.ts";
import { writeTree } from "./serving_fixture.ts";
import { directory, pattern, special, symlink, TarFixture } from "./tree_fixture.ts";

const isRoot = process.geteuid?.() === 0;
/** nobody, on most systems; whoever runs the tests where that is not root. */
const user = isRoot ? { uid: 65534, gid: 65534 } : {};
const namespace = ["-s", "KILL", "60", "unshare", "-Ur", "-m"];

/**
 * A device that any user may open, as `/dev/fuse` is on most machines. Where it is not, root makes another one: the
 * kernel takes no descriptor that was opened outside of the namespace.
 */
function deviceIn(dir: Scratch): string {
  if (!isRoot) return "/dev/fuse";
  const device = join(dir.path, "fuse");
  sys.mknodAt(sys.AT_FDCWD, device, sys.S_IFCHR | 0o600, 10, 229);
  chmodSync(device, 0o666);
  closeSync(openSync(device, "r+"));
  return device;
}

function publicScratch(): Scratch {
  const dir = scratch("fuse");
  chmodSync(dir.path, 0o755);
  if (isRoot) chownSync(dir.path, 65534, 65534);
  return dir;
}

/** Tries what the test needs, with nothing to serve. */
const skip =
  unlessLinux ||
  ((): string | false => {
    using dir = publicScratch();
    try {
      const device = deviceIn(dir);
      const options = "rootmode=40000,user_id=0,group_id=0";
      const script = `test -r ${import.meta.filename} && exec 9<>${device} && mount -i -t fuse -o fd=9,${options} x ${dir.path}`;
      const tried = spawnSync("timeout", [...namespace, "sh", "-c", script], { ...user, encoding: "utf8" });
      if (tried.status === 0) return false;
      return `an ordinary user cannot mount FUSE in a user namespace: ${tried.stderr.trim()}`;
    } catch (error) {
      return `an ordinary user has no FUSE: ${(error as Error).message}`;
    }
  })();

test("an image that is not unpacked, and overlayfs on top", { skip }, () => {
  using dir = publicScratch();
  const tar = new TarFixture();
  const linked = tar.file("linked");
  const root = directory({
    bin: directory({ tool: tar.file(readFileSync("/bin/echo"), { mode: 0o4755 }), sh: symlink("tool") }),
    etc: directory({
      config: tar.file("config", { xattrs: new Map([["user.kind", Buffer.from("config")]]) }),
    }),
    others: directory({
      private: tar.file("private", { mode: 0o6600, uid: 1234, gid: 5678 }),
      marked: tar.file("marked", {
        xattrs: new Map([
          ["security.selinux", Buffer.from("system_u:object_r:etc_t:s0")],
          ["trusted.mark", Buffer.from("t")],
          ["user.overlay.redirect", Buffer.from("/etc/config")],
        ]),
      }),
    }),
    gone: directory({ file: tar.file("gone") }),
    tree: directory({ below: directory({ file: tar.file("below") }) }),
    sparse: tar.sparse(2 ** 36, [{ at: 2 ** 35, bytes: pattern(4096) }]),
    links: directory({ one: linked, two: linked }),
    null: special("char", 1, 3),
  });
  const { tree, paths } = writeTree(dir.path, root, [tar.bytes()]);
  const program = [process.execPath, fileURLToPath(import.meta.resolve("./user_namespace_fixture.ts"))];
  const args = [...program, dir.path, deviceIn(dir), tree, ...paths];
  const ran = spawnSync("timeout", [...namespace, ...args], { ...user, cwd: "/", encoding: "utf8" });
  assert.equal(ran.status, 0, ran.stderr);
  const { listed, ...found } = JSON.parse(ran.stdout) as Record<string, unknown>;
  assert.deepEqual(listed, [
    "",
    ". d 755 0:0",
    "./bin d 755 0:0",
    "./bin/sh l 777 0:0",
    "./bin/tool f 4755 0:0",
    "./etc d 755 0:0",
    "./etc/config f 644 0:0",
    "./gone d 755 0:0",
    "./gone/file f 644 0:0",
    "./links d 755 0:0",
    "./links/one f 644 0:0",
    "./links/two f 644 0:0",
    "./null c 644 0:0",
    "./others d 755 0:0",
    "./others/marked f 644 0:0",
    "./others/private f 600 0:0",
    "./sparse f 644 0:0",
    "./tree d 755 0:0",
    "./tree/below d 755 0:0",
    "./tree/below/file f 644 0:0",
  ]);
  assert.deepEqual(found, {
    links: "2\n2\n1\n",
    ran: "argument\n",
    xattr: "config",
    appended: "configmore",
    sameInode: true,
    xattrCopied: "config",
    othersChanged: 7,
    marksCopied: "marked+",
    sparseKept: true,
    linksBroken: "linked",
    removed: false,
    emptied: [],
    replaced: [],
    renamed: ["new", "sh"],
    created: ["config", "new"],
    untouched: "config",
    whiteout: 0,
  });
});
