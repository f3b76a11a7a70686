/** A build without `RUN`, watched at its system calls: it mounts nothing and makes no namespace. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fromBytes } from "../../src/bytes/index.ts";
import { readTar } from "../../src/tar/index.ts";
import { tarFile, tarOf } from "../support/tar_help.ts";
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

test(
  "an ordinary user's results are the same on every driver, owners and devices too",
  { skip: unlessLinux },
  async () => {
    using directory = scratch("unmounted-alike");
    const [one, two] = (["vfs", "erofs"] as const).map(
      (driver) =>
        new Home(directory.path, {
          env: { VARVE_DRIVER: driver, VARVE_ROOT: join(directory.path, "home", driver) },
        }),
    ) as [Home, Home];
    const base = tarOf([
      tarFile({ path: "etc/", type: "directory", mode: 0o711, uid: 5 }),
      tarFile({ path: "etc/shadow", mode: 0o000, gid: 42 }, "secret"),
      tarFile({ path: "dev/null", type: "char", devMajor: 1, devMinor: 3, mode: 0o666 }),
      tarFile({ path: "su", mode: 0o4755, uid: 3_000_000 }, "su"),
      tarFile({ path: "again", type: "hardlink", linkPath: "su", mode: 0o4755, uid: 3_000_000 }),
    ]);
    const context = tarOf([
      tarFile({ path: "Dockerfile" }, "FROM base\nCOPY --chown=7:8 --chmod=4711 f /f\nADD base.tar /more/\n"),
      tarFile({ path: "f" }, "f"),
      tarFile({ path: "base.tar" }, base),
    ]);
    const results: Buffer[] = [];
    for (const home of [one, two]) {
      assert.equal((await home.run(["import", "-", "base"], base)).code, 0);
      const args = ["build", "--progress", "quiet", "--output", "type=tar,dest=result.tar", "-"];
      const { code, stderr } = await home.run(args, context);
      assert.equal(code, 0, stderr);
      results.push(readFileSync(join(home.path, "result.tar")));
    }
    const [first, second] = results as [Buffer, Buffer];
    const names: string[] = [];
    for await (const { entry } of readTar(fromBytes(Buffer.from(first))))
      names.push(`${entry.path} ${entry.type} ${entry.mode.toString(8)} ${entry.uid}:${entry.gid}`);
    assert.deepEqual(
      names.filter((name) => !name.startsWith("more/")),
      [
        "again file 4755 3000000:0",
        "dev/ directory 755 0:0",
        "dev/null char 666 0:0",
        "etc/ directory 711 5:0",
        "etc/shadow file 0 0:42",
        "f file 4711 7:8",
        "su hardlink 4755 3000000:0",
      ],
    );
    const withoutTimes = (tar: Buffer): string => tar.toString("latin1").replace(/\0\d{11}\0\d{6}\0 /g, "");
    assert.equal(withoutTimes(first), withoutTimes(second));
  },
);
