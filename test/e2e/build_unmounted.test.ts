/** A build without `RUN`, watched at its system calls: it mounts nothing and makes no namespace. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux, unlessRoot } from "../suites/scratch.ts";
import { Home, user, type HomeOptions } from "./ordinary_user.ts";
import { unless } from "./support.ts";

/** All that mounts, and all that leads into other namespaces (mount(2), fsopen(2), namespaces(7)). */
const forbidden = ["mount", "umount2", "unshare", "setns", "fsopen", "fsmount", "move_mount", "open_tree"];

/** The new calls are numbers to an old strace. The same on every architecture: they came after 5.0. */
const numbers = [/syscall_0x1ac\b/, /syscall_0x1ad\b/, /syscall_0x1ae\b/, /syscall_0x1b0\b/];

const traced = ["execve", ...forbidden].join(",");

function tryStrace(): string | false {
  const tried = spawnSync("strace", ["-f", "-e", `trace=${traced}`, "true"], { encoding: "utf8" });
  return tried.status === 0
    ? false
    : `strace cannot be used here: ${tried.stderr?.trim().split("\n")[0] ?? ""}`;
}

const skip = unlessLinux || unlessRoot || unless("strace", "unshare", "setpriv", "mount") || tryStrace();

/**
 * Root makes the user's home a file system from which nothing can be run, takes /dev/fuse away, both for this program
 * and its children alone, and becomes the user.
 */
const prepared = (home: string): HomeOptions => {
  const script = [
    `mount -t tmpfs -o noexec,nosuid,mode=0777 home ${home}`,
    `mkdir -m 777 ${home}/tmp`,
    `cp -r ${home}.files ${home}/files`,
    "{ [ ! -e /dev/fuse ] || mount --bind /dev/null /dev/fuse; }",
    `cd ${home}`,
    `exec setpriv --reuid ${user.uid} --regid ${user.gid} --clear-groups sh -c '"$@" && cat trace' sh "$@"`,
  ].join(" && ");
  const watched = ["strace", "-f", "-o", "trace", "-e", "signal=none", "-e", `trace=${traced}`];
  return { asRoot: true, before: ["unshare", "--mount", "sh", "-c", script, "sh", ...watched] };
};

const mountsIn = (trace: string): string[] =>
  trace
    .split("\n")
    .filter(
      (line) =>
        forbidden.some((name) => line.includes(`${name}(`)) || numbers.some((number) => number.test(line)),
    );

test(
  "a COPY-only build of an ordinary user, noexec, nosuid, without /dev/fuse, mounts nothing",
  { skip },
  async () => {
    using directory = scratch("unmounted");
    const files = join(directory.path, "home.files");
    mkdirSync(files);
    writeFileSync(join(files, "app.js"), "console.log(1)\n");
    writeFileSync(
      join(files, "Dockerfile"),
      'FROM scratch AS one\nCOPY app.js /srv/\nFROM scratch\nCOPY --from=one --chown=7:8 /srv /app\nWORKDIR /app/x\nCOPY app.js .\nCMD ["/app/app.js"]\n',
    );
    spawnSync("chmod", ["-R", "a+rX", files]);
    const home = new Home(directory.path, prepared(join(directory.path, "home")));
    const { code, stdout, stderr } = await home.run(["build", "-t", "app:1", "--progress", "plain", "files"]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /sha256:[0-9a-f]{64}/);
    assert.match(stdout, /^\d+ +execve\(/, "the calls of the build are seen");
    assert.deepEqual(mountsIn(stdout), []);
    const tracing = ["-f", "-e", `trace=${traced}`, "unshare", "--mount", "true"];
    const other = spawnSync("strace", tracing, { encoding: "utf8" });
    assert.notDeepEqual(mountsIn(other.stderr), [], "what is looked for would be found");
    assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(directory.path));
  },
);
