/**
 * What an ordinary user does with an image that is not unpacked, as a program to be run by `unshare -Ur -m`:
 * `node user_namespace_fixture.ts <directory> <device> <tree> <tar>`. Serves the tree, puts a writable overlayfs on
 * top, changes things in there, and says as JSON what it found. The mounts end with the namespace.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as sys from "../sys/index.ts";

const [directory, device, tree, tar] = process.argv.slice(2) as [string, string, string, string];
const at = (...names: string[]): string => join(directory, ...names);
for (const name of ["mounted", "upper", "work", "merged"]) fs.mkdirSync(at(name));

const program = fileURLToPath(import.meta.resolve("./serve_fixture.ts"));
const server = spawn(process.execPath, [program, tree, at("mounted"), "best-effort", device, tar], {
  stdio: ["ignore", "pipe", "inherit"],
});
await Promise.race([once(server.stdout, "data"), once(server, "close")]);
try {
  process.stdout.write(JSON.stringify(change(), undefined, 1));
} finally {
  server.kill("SIGKILL");
}

/** Everything is done in the order of the record. */
function change(): Record<string, unknown> {
  const layers = `lowerdir=${at("mounted")},upperdir=${at("upper")},workdir=${at("work")}`;
  sys.mount("overlay", at("merged"), "overlay", 0, `${layers},userxattr`);
  const merged = (...names: string[]): string => at("merged", ...names);
  const said = (command: string, ...args: string[]): string =>
    spawnSync(command, args, { encoding: "utf8", cwd: at("merged") }).stdout;
  const inode = (): number | bigint => sys.statAt(sys.AT_FDCWD, merged("etc/config")).ino;
  const before = inode();
  return {
    listed: said("find", ".", "-printf", "%p %y %m %U:%G\n").split("\n").sort(),
    links: said("stat", "-c", "%h", "links/one", "links/two", "bin/tool"),
    ran: said("./bin/tool", "argument"),
    xattr: Buffer.from(sys.getXattrAt(sys.AT_FDCWD, merged("etc/config"), "user.kind") ?? []).toString(),
    appended:
      (fs.appendFileSync(merged("etc/config"), "more"), fs.readFileSync(merged("etc/config"), "utf8")),
    sameInode: before === inode(),
    xattrCopied: Buffer.from(
      sys.getXattrAt(sys.AT_FDCWD, at("upper/etc/config"), "user.kind") ?? [],
    ).toString(),
    othersChanged:
      (fs.chmodSync(merged("others/private"), 0o640), fs.statSync(at("upper/others/private")).size),
    marksCopied:
      (fs.appendFileSync(merged("others/marked"), "+"), fs.readFileSync(merged("others/marked"), "utf8")),
    sparseKept: (fs.chmodSync(merged("sparse"), 0o600), fs.statSync(at("upper/sparse")).blocks < 10_000),
    linksBroken: (fs.appendFileSync(merged("links/one"), "!"), fs.readFileSync(merged("links/two"), "utf8")),
    removed: (fs.unlinkSync(merged("gone/file")), fs.existsSync(merged("gone/file"))),
    emptied: fs.readdirSync(merged("gone")),
    replaced:
      (fs.rmSync(merged("tree"), { recursive: true }),
      fs.mkdirSync(merged("tree")),
      fs.readdirSync(merged("tree"))),
    renamed: (fs.renameSync(merged("bin/tool"), merged("bin/new")), fs.readdirSync(merged("bin"))),
    created: (fs.writeFileSync(merged("etc/new"), "new"), fs.readdirSync(merged("etc")).sort()),
    untouched: fs.readFileSync(at("mounted/etc/config"), "utf8"),
    whiteout: sys.statAt(sys.AT_FDCWD, at("upper/gone/file")).rdevMajor,
  };
}
