/** varve as an ordinary user who may make user namespaces: all that containers need, without unpacking or with it. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { tarFile, tarOf } from "../support/tar_help.ts";
import { scratch, unlessAll, unlessRoot } from "../suites/scratch.ts";
import { Home, namespaceSkip, user, type HomeOptions } from "./ordinary_user.ts";
import { json, unless } from "./support.ts";

const skip = namespaceSkip || unless("busybox", "runc", "containerd-shim-runc-v2");

/** A range of IDs that newuidmap gives the user of the tests. */
const rangeSkip =
  unless("newuidmap", "newgidmap") ||
  (spawnSync("unshare", ["--user", "--map-root-user", "--map-auto", "true"], user).status === 0
    ? false
    : "no range of IDs in /etc/subuid and /etc/subgid for the user of the tests");

/**
 * A user who may open /dev/fuse, as on most machines. Where he may not, root gives a device of that name to him, in a
 * place that only this program and its children see. All become another by exec, so that the process ID is varve's.
 */
const fuseDevice = unlessRoot === false ? mkdtempSync(join(tmpdir(), "varve-fuse-")) : "";
const showFuse =
  `mount -t tmpfs fuse ${fuseDevice} && mknod -m 666 ${fuseDevice}/fuse c 10 229 && ` +
  `mount --bind ${fuseDevice}/fuse /dev/fuse && ` +
  `exec setpriv --reuid ${user.uid} --regid ${user.gid} --clear-groups "$@"`;
const withFuse: HomeOptions =
  unlessRoot === false ? { before: ["unshare", "--mount", "sh", "-c", showFuse, "sh"], asRoot: true } : {};
after(() => fuseDevice !== "" && rmdirSync(fuseDevice));

const fuseSkip = ((): string | false => {
  const [program = "env", ...before] = withFuse.before ?? [];
  const tried = spawnSync(program, [...before, "sh", "-c", ": 3<>/dev/fuse"], { encoding: "utf8" });
  return tried.status === 0 ? false : `an ordinary user cannot open /dev/fuse: ${tried.stderr.trim()}`;
})();

function baseTar(): Uint8Array {
  const busybox = execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
  const tools = ["sh", "cat", "echo", "id", "sleep", "touch", "ls", "stat", "hostname", "chown", "tty"];
  const accounts = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/:/bin/sh\n";
  return tarOf([
    tarFile({ path: "bin", type: "directory", mode: 0o755 }),
    tarFile({ path: "bin/busybox", mode: 0o755 }, readFileSync(busybox)),
    ...tools.map((name) => tarFile({ path: `bin/${name}`, type: "symlink", linkPath: "busybox" })),
    tarFile({ path: "etc/passwd" }, accounts),
    tarFile({ path: "etc/shadow", mode: 0o000, gid: 42 }, "secret"),
    ...["proc", "dev", "sys", "tmp"].map((path) => tarFile({ path, type: "directory", mode: 0o755 })),
  ]);
}

interface Namespace {
  readonly pid: number;
  readonly mounts: string;
}

const namespaceOf = (home: Home): Namespace =>
  json<Namespace>(readFileSync(join(home.path, "root/varve/namespace"), "utf8"));

/** Processes that live in the recorded namespace, ended ones left out. */
function members(home: Home): number[] {
  const { mounts } = namespaceOf(home);
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      try {
        return pid > 0 && readlinkSync(`/proc/${pid}/ns/mnt`) === mounts;
      } catch {
        return false;
      }
    });
}

async function until(what: string, met: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await met()) return;
    await delay(50);
  }
  assert.fail(`waited in vain for: ${what}`);
}

/** Starts a container that lives until `/go` is there, and waits until it is known to run. */
async function startWaiting(home: Home, name: string): Promise<ChildProcess> {
  await until("earlier processes to end", () => members(home).length === 0);
  const wait = "echo mine > /mine; echo up; while [ ! -f /go ]; do sleep 0.1; done; cat /go";
  const child = home.start(["run", "--name", name, "base:1", "sh", "-c", wait]);
  child.stdin?.end();
  // Not before: the next command would make the namespace if it were the quicker one.
  const [said] = (await once(child.stdout!, "data")) as [Buffer];
  assert.equal(said.toString(), "up\n");
  await until(`${name} to run`, async () => (await home.say("ps", "-q", "-f", `name=${name}`)) !== "");
  return child;
}

for (const driver of ["overlay2", "erofs"] as const) {
  test(
    `an ordinary user runs containers: ${driver}`,
    { skip: skip || (driver === "erofs" ? fuseSkip : fuseSkip === false && unlessAll) },
    async (t) => {
      using directory = scratch("rootless");
      const home = new Home(
        directory.path,
        driver === "erofs" ? withFuse : { env: { VARVE_DRIVER: driver } },
      );
      const digest = (await home.run(["import", "-c", 'CMD ["sh"]', "-", "base:1"], baseTar())).stdout.trim();
      assert.match(digest, /^sha256:/);
      assert.match(await home.say("info"), new RegExp(`Storage Driver: ${driver}[^]*rootless`));

      await t.test("output, errors, exit code, input; --rm leaves nothing", async () => {
        const script = "id -u; echo err >&2; hostname; cat /etc/hosts /etc/shadow; exit 7";
        const outcome = await home.run(["run", "--rm", "--hostname", "inside", "base:1", "sh", "-c", script]);
        assert.deepEqual([outcome.code, outcome.stderr], [7, "err\n"]);
        assert.match(outcome.stdout, /^0\ninside\n127\.0\.0\.1\tlocalhost\n[\s\S]*secret$/);
        const piped = await home.run(["run", "--rm", "-i", "base:1", "cat"], Buffer.from("piped"));
        assert.deepEqual(piped, { code: 0, stdout: "piped", stderr: "" });
        assert.equal((await home.run(["run", "--rm", "base:1", "nosuch"])).code, 127);
        assert.match(await home.say("run", "--rm", "--network", "host", "base:1", "ls", "/sys"), /kernel/);
        assert.equal(await home.say("ps", "-aq"), "");
        assert.deepEqual(readdirSync(join(home.path, "root/containers")), []);
      });

      await t.test("an image is mounted in a container of another", async () => {
        const mounts = [
          "type=image,src=base:1,dst=/all",
          "type=image,src=base:1,dst=/some,image-subpath=etc",
        ];
        const flags = ["run", "--rm", ...mounts.flatMap((mount) => ["--mount", mount])];
        const script = "cat /all/etc/shadow /some/passwd; touch /all/x; :";
        const outcome = await home.run([...flags, "base:1", "sh", "-c", script]);
        assert.match(outcome.stdout, /^secretroot:x:0/);
        assert.match(outcome.stderr, /Read-only file system/);
        assert.deepEqual(readdirSync(join(home.path, "root/varve/run-mounts")), []);
      });

      await t.test("signals reach the container through the program's own process ID", async () => {
        const script = "trap 'echo term; exit 5' TERM; echo up; while :; do sleep 0.1; done";
        const child = home.start(["run", "--rm", "base:1", "sh", "-c", script]);
        let said = "";
        child.stdout!.on("data", (chunk: Buffer) => {
          said += chunk.toString();
          if (said === "up\n") child.kill("SIGTERM");
        });
        const [code] = (await once(child, "close")) as [number | null];
        assert.deepEqual([code, said], [5, "up\nterm\n"]);
      });

      await t.test("what a container writes can be committed, exported and run again", async () => {
        await home.say(
          "run",
          "--name",
          "work",
          "base:1",
          "sh",
          "-c",
          "echo data > /new; echo x >> /etc/passwd",
        );
        assert.equal(await home.say("diff", "work"), "C /etc\nC /etc/passwd\nA /new");
        await home.say("commit", "work", "committed:1");
        await home.say("rm", "work");
        assert.equal(await home.say("run", "--rm", "committed:1", "cat", "/new"), "data");
        assert.equal(await home.say("system", "check", "--deep"), "no problems found");
      });

      await t.test("B181 volumes: the image's content, owners, what is mounted on one", async () => {
        const sh = ["base:1", "sh", "-c"];
        assert.equal(
          await home.say("run", "--rm", "-v", "etc:/etc", ...sh, "echo more > /etc/more; ls /etc"),
          "hostname\nhosts\nmore\nmtab\npasswd\nresolv.conf\nshadow",
        );
        const memory = ["-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=mode=700"];
        await home.say("volume", "create", ...memory, "memory");
        const both = ["-v", "etc:/e:ro", "-v", "memory:/m"];
        assert.equal(
          await home.say("run", "--rm", ...both, ...sh, "cat /e/more; touch /e/x || stat -c %a /m"),
          "more\n700",
        );
        await home.say("volume", "rm", "etc", "memory");
        assert.equal(await home.say("volume", "ls", "-q"), "");
      });

      await t.test("other processes see the mount of a running container", async () => {
        const child = await startWaiting(home, "shared");
        // Before the file is there: the container may have ended before the command that brings it has.
        const ended = Promise.all([once(child, "close"), once(child.stdout!, "data")]);
        writeFileSync(join(home.path, "go"), "together\n");
        assert.equal((await home.run(["cp", "shared:/mine", "-"])).stdout.includes("mine\n"), true);
        await home.say("cp", join(home.path, "go"), "shared:/go");
        const [[code], [said]] = (await ended) as [[number], [Buffer]];
        assert.deepEqual([code, said.toString()], [0, "together\n"]);
        assert.equal(await home.say("diff", "shared"), "A /go\nA /mine");
        await home.say("rm", "shared");
      });

      await t.test("a container outlives its supervisor, and its namespace is found again", async () => {
        const child = await startWaiting(home, "orphan");
        const { pid, mounts } = namespaceOf(home);
        assert.equal(pid, child.pid, "the first command of a namespace is the one that is written down");
        child.kill("SIGKILL");
        await once(child, "close");
        assert.match(await home.say("ps"), /orphan/);
        const found = namespaceOf(home);
        assert.equal(found.mounts, mounts);
        assert.notEqual(found.pid, pid);
        await home.say("cp", "orphan:/mine", join(home.path, "mine"));
        await home.say("rm", "-f", "orphan");
        assert.equal(await home.say("ps", "-aq"), "");
      });

      await t.test(
        "a container without any process in the namespace can be removed from another one",
        async () => {
          const child = await startWaiting(home, "lost");
          const ended = once(child, "close");
          for (const pid of members(home)) process.kill(pid, "SIGKILL");
          await ended;
          assert.match(await home.say("ps"), /lost/);
          await home.say("rm", "-f", "lost");
          assert.equal(await home.say("ps", "-aq"), "");
          assert.equal(await home.say("run", "--rm", "base:1", "echo", "on"), "on");
        },
      );

      await t.test("many first commands at once make one namespace", async () => {
        await until("the last process to end", () => members(home).length === 0);
        const runs = [1, 2, 3, 4].map(() =>
          home.say("run", "--rm", "base:1", "sh", "-c", "stat -L -c %i /proc/self/ns/user; sleep 1.5"),
        );
        assert.equal(new Set(await Promise.all(runs)).size, 1);
      });

      await t.test("what cannot be had is said", async () => {
        const limited = await home.run(["run", "--rm", "--memory", "64m", "base:1", "echo", "ran"]);
        assert.equal(limited.stdout, "ran\n");
        assert.match(
          limited.stderr,
          /^WARNING: Control groups are not an ordinary user's to change: .*discarded\.\n$/,
        );
        if (rangeSkip === false) return;
        const outcome = await home.run(["run", "--rm", "--user", "app", "base:1", "id"]);
        assert.equal(outcome.code, 125);
        assert.match(
          outcome.stderr,
          /^varve: run as user 1000: there is no such ID in your user namespace\n.*newuidmap/,
        );
      });

      await t.test("with a range of IDs there are other users", { skip: rangeSkip }, async () => {
        assert.match(await home.say("run", "--rm", "--user", "app", "base:1", "id"), /uid=1000\(app\)/);
        await home.say("run", "--name", "owned", "base:1", "chown", "1000:1000", "/etc/passwd");
        await home.say("commit", "owned", "owned:1");
        await home.say("rm", "owned");
        const owner = await home.say("run", "--rm", "owned:1", "stat", "-c", "%u:%g", "/etc/passwd");
        assert.equal(owner, "1000:1000");
        await home.say("rmi", "owned:1");
      });

      await t.test("in the end nothing runs and nothing is mounted", async () => {
        await home.say("rmi", "committed:1", "base:1");
        await home.say("system", "gc");
        assert.equal(await home.say("system", "check"), "no problems found");
        await until("the last process to end", () => members(home).length === 0);
        assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(home.path));
      });
    },
  );
}

/** Runs a program where no namespace can be made: the setting counts for what is below this one. */
const noNamespaces = 'echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"';
const forbidding = ["unshare", "--user", "--map-current-user", "--keep-caps", "sh", "-c", noNamespaces, "sh"];

test("where no namespace can be had an empty root gets vfs, and a command says why", { skip }, async () => {
  using directory = scratch("rootless-none");
  const env = { VARVE_DRIVER: "overlay2" };
  await new Home(directory.path, { env }).say("images");
  const home = new Home(directory.path, { before: forbidding });
  const refused = await home.run(["images"]);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^varve: no user namespace can be had to mount in: unshare: .*\nAllow user namespaces: sysctl user\.max_user_namespaces=\d+; or run it as root\.\n$/,
  );
  const other = new Home(directory.path, {
    env: { VARVE_ROOT: join(home.path, "other") },
    before: forbidding,
  });
  assert.equal((await other.run(["import", "-", "base:1"], baseTar())).code, 0);
  assert.match(await other.say("info"), /Storage Driver: vfs/);
  const run = await other.run(["run", "--rm", "base:1", "id"]);
  assert.equal(run.code, 125);
  assert.match(
    run.stderr,
    /^varve: cannot run a container as an ordinary user: no user namespace can be had/,
  );
  assert.equal(await other.say("ps", "-aq"), "");
});

test("a root of vfs can be moved to a driver that mounts, and not back", { skip }, async () => {
  using directory = scratch("rootless-migrate");
  const vfs = new Home(directory.path, { env: { VARVE_DRIVER: "vfs" } });
  assert.equal((await vfs.run(["import", "-", "base:1"], baseTar())).code, 0);
  const home = new Home(directory.path);
  await home.say("create", "--name", "moved", "base:1", "cat", "/added", "/etc/shadow");
  writeFileSync(join(home.path, "added"), "added ");
  await home.say("cp", join(home.path, "added"), "moved:/added");
  const refused = await home.run(["start", "-a", "moved"]);
  assert.match(
    refused.stderr,
    /kept by the storage driver vfs\nMove them to a driver that mounts, `varve migrate/,
  );
  await home.say("migrate", "-q", "--to", "overlay2");
  assert.equal(await home.say("start", "-a", "moved"), "added secret");
  assert.equal(await home.say("system", "check", "--deep"), "no problems found");
  assert.match(
    (await home.run(["migrate", "--to", "vfs"])).stderr,
    /^varve: cannot migrate to vfs as an ordinary user/,
  );
  await home.say("rm", "moved");
});
