/** A small root filesystem, and what layers and containers do to it. */
import * as fs from "node:fs";
import { join } from "node:path";

/** The base layer. */
export function fillBottom(root: string): void {
  for (const path of ["bin", "etc/conf.d", "var/empty", "data/sub"])
    fs.mkdirSync(join(root, path), { recursive: true });
  fs.writeFileSync(join(root, "bin/tool"), "tool of the first layer", { mode: 0o755 });
  fs.writeFileSync(join(root, "etc/profile"), "first");
  fs.writeFileSync(join(root, "etc/conf.d/a"), "a1");
  fs.writeFileSync(join(root, "etc/conf.d/b"), "b1");
  fs.writeFileSync(join(root, "data/sub/f"), "deep");
  fs.writeFileSync(join(root, "data/one"), "linked");
  fs.linkSync(join(root, "data/one"), join(root, "data/two"));
  fs.symlinkSync("profile", join(root, "etc/link"));
  fs.mkdirSync(join(root, "was-directory"));
  fs.writeFileSync(join(root, "was-directory/inside"), "");
  fs.writeFileSync(join(root, "was-file"), "");
}

/** A second layer: every way in which one file or directory can cover another. */
export function changeBottom(root: string): void {
  fs.writeFileSync(join(root, "etc/conf.d/a"), "a2");
  fs.writeFileSync(join(root, "etc/conf.d/c"), "c2");
  fs.chmodSync(join(root, "etc/conf.d"), 0o711);
  fs.rmSync(join(root, "was-directory"), { recursive: true });
  fs.writeFileSync(join(root, "was-directory"), "file now");
  fs.rmSync(join(root, "was-file"));
  fs.mkdirSync(join(root, "was-file"));
  fs.writeFileSync(join(root, "was-file/inside"), "");
}

/** Everything that a container may do to its files. */
export function storm(root: string): void {
  const at = (path: string): string => join(root, path);
  fs.writeFileSync(at("etc/profile"), "overwritten");
  fs.appendFileSync(at("bin/tool"), "appended");
  fs.truncateSync(at("etc/conf.d/b"), 1);
  fs.chmodSync(at("bin/tool"), 0o700);
  fs.utimesSync(at("etc/conf.d/c"), 1, 2);
  fs.rmSync(at("data/sub"), { recursive: true });
  fs.linkSync(at("data/one"), at("data/three"));
  fs.appendFileSync(at("data/two"), "!");
  fs.renameSync(at("was-directory"), at("was-renamed"));
  fs.rmSync(at("var"), { recursive: true });
  fs.mkdirSync(at("var"));
  fs.writeFileSync(at("added"), "");
}
