import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { fromText } from "../../../src/byte_string.ts";
import * as sys from "../../../src/sys/index.ts";
import type { Case, FileFacts } from "./types.ts";

export interface PreparedCase {
  readonly context: string;
  /** Holds the named contexts and secrets of the case, and its Dockerfiles that are not in the context. */
  readonly beside: string;
}

const ownFiles = new Set(["case.json", "expected.json", "setup.sh", "peer.Dockerfile", "base.Dockerfile"]);

/**
 * Copies the case to `<directory>/<case>/context`, with the modes, owners and times that git does not keep, and runs its
 * setup.sh there.
 */
export function prepareContext(given: Case, directory: string): PreparedCase {
  const beside = join(directory, given.name);
  const context = join(beside, "context");
  fs.mkdirSync(context, { recursive: true });
  const { contexts = {}, secrets = {} } = given.options ?? {};
  const apart = new Set([...Object.values(contexts), ...Object.values(secrets)]);
  for (const name of fs.readdirSync(given.path)) {
    const isApart = ownFiles.has(name) || apart.has(name);
    fs.cpSync(join(given.path, name), join(isApart ? beside : context, name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
  fs.chmodSync(context, 0o755);
  for (const path of [beside, ...apart].map((name) => join(beside, name)))
    if (fs.existsSync(path)) plain(path);
  plain(context);
  if (fs.existsSync(join(beside, "setup.sh")))
    execFileSync("sh", ["-e", join(beside, "setup.sh")], {
      cwd: context,
      stdio: ["ignore", "ignore", "inherit"],
    });
  for (const [path, facts] of Object.entries(given.files ?? {})) apply(context, path, facts);
  settleTimes(context, given.files ?? {});
  return { context, beside };
}

function each(directory: string, visit: (path: string, stat: fs.Stats) => void): void {
  const stat = fs.lstatSync(directory);
  if (stat.isDirectory()) for (const name of fs.readdirSync(directory)) each(join(directory, name), visit);
  visit(directory, stat);
}

/** What a checkout's umask and user made of the files must not show. */
function plain(directory: string): void {
  each(directory, (path, stat) => {
    fs.lchownSync(path, 0, 0);
    if (!stat.isSymbolicLink()) fs.chmodSync(path, (stat.mode & 0o100) === 0 ? 0o644 : 0o755);
  });
}

function apply(context: string, path: string, facts: FileFacts): void {
  const at = join(context, path);
  fs.mkdirSync(dirname(at), { recursive: true });
  if (facts.symlink !== undefined) fs.symlinkSync(facts.symlink, at);
  if (facts.hardlink !== undefined) fs.linkSync(join(context, facts.hardlink), at);
  if (facts.fifo === true) execFileSync("mkfifo", [at]);
  if (facts.directory === true) fs.mkdirSync(at, { recursive: true });
  if (facts.text !== undefined) fs.writeFileSync(at, facts.text);
  if (facts.size !== undefined) fs.writeFileSync(at, Buffer.alloc(facts.size, "0123456789abcdef\n"));
  const [uid = 0, gid = 0] = (facts.owner ?? "0:0").split(":").map(Number);
  if (facts.owner !== undefined || facts.hardlink === undefined) fs.lchownSync(at, uid, gid);
  if (facts.mode !== undefined) fs.chmodSync(at, Number.parseInt(facts.mode, 8));
  for (const [name, value] of Object.entries(facts.xattrs ?? {}))
    sys.setXattrAt(sys.AT_FDCWD, fromText(at), name, Buffer.from(value, "hex"));
}

/** Last, because each change of a directory is one of its time. */
function settleTimes(context: string, files: Readonly<Record<string, FileFacts>>): void {
  each(context, (path) => {
    const seconds = files[path.slice(context.length + 1)]?.mtime ?? 1_000_000_000;
    fs.lutimesSync(path, seconds, seconds);
  });
}
