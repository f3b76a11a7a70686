/** `run`, `create`, `start`, `ps`, `diff`, `rm` of the bundled CLI: what a container is made of, and how it ends. */
import assert from "node:assert/strict";
import { execFileSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { openEngine } from "../../src/engine/index.ts";
import { compareTrees } from "../../src/layer/index.ts";
import { json, makeBase, makeBench, runSkip, type Program } from "./support.ts";

type Data = Record<"LowerDir" | "UpperDir" | "MergedDir" | "WorkDir", string>;

async function dataOf(varve: Program, of: string): Promise<Data> {
  return json<Data>(await varve("inspect", "-f", "{{json .GraphDriver.Data}}", of));
}

/** Starts a container in the background and waits for its first line. */
async function background(varve: Program, ...args: string[]): Promise<ChildProcess> {
  const child = varve.start(["run", ...args]);
  const lines = createInterface({ input: child.stdout! });
  await Promise.race([
    once(lines, "line"),
    once(child, "close").then(() => Promise.reject(new Error(`${args.join(" ")} ended`))),
  ]);
  return child;
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const [code] = (await once(child, "close")) as [number | null];
  return code;
}

test("a container's root", { skip: runSkip }, async (t) => {
  await using bench = await makeBench("run");
  const { root, varve } = bench;

  await t.test(
    "B001 it is the merged image and the engine's mount points; nothing of the host shows",
    async () => {
      const marker = join(bench.path, "host-marker");
      fs.writeFileSync(marker, "");
      const inside = (await varve("run", "--rm", "base:1", "find", "/", "-xdev")).split("\n");
      const list = ["-printf", "/%P\\n"];
      const image = execFileSync("find", [join(bench.path, "base"), ...list], { encoding: "utf8" });
      const places = ["/.dockerenv", "/etc/hostname", "/etc/hosts", "/etc/mtab", "/etc/resolv.conf"];
      // /dev is a mount of its own: what it holds is not the root's.
      const shown = inside.filter((path) => !path.startsWith("/dev/"));
      assert.deepEqual(shown.sort(), [...image.trimEnd().split("\n"), ...places].sort());
      const { code } = await varve.run(["run", "--rm", "base:1", "cat", marker]);
      assert.equal(code, 1);
    },
  );

  await t.test("B002 an image without /dev, /proc, /etc is created and exported", async () => {
    execFileSync("tar", ["-cf", join(bench.path, "one.tar"), "-C", bench.path, "base.tar"]);
    await varve("import", "-c", 'CMD ["/none"]', join(bench.path, "one.tar"), "one-file");
    await varve("create", "--name", "bare", "one-file");
    await varve("export", "-o", join(bench.path, "bare.tar"), "bare");
    const listed = execFileSync("tar", ["-tf", join(bench.path, "bare.tar")], { encoding: "utf8" }).split(
      "\n",
    );
    assert.ok(
      ["base.tar", ".dockerenv", "etc/hosts", "dev/console", "proc/"].every((path) => listed.includes(path)),
    );
    await varve("rm", "bare");
  });

  await t.test("B003 B004 distributions differ in their root and share the host's kernel", async () => {
    await varve("import", makeBase(bench.path, { id: "other" }), "other");
    const look = (image: string): Promise<string> =>
      varve("run", "--rm", image, "sh", "-c", "cat /etc/os-release; uname -r");
    assert.deepEqual(
      [await look("base:1"), await look("other")],
      [`ID=base\n${release()}`, `ID=other\n${release()}`],
    );
    assert.equal(fs.existsSync(join((await dataOf(varve, "other")).UpperDir, "boot")), false);
  });

  await t.test(
    "B007 B008 creating adds an init layer and an empty writable layer on the image's",
    async () => {
      await varve("create", "--name", "fresh", "base:1");
      const [container, image] = [await dataOf(varve, "fresh"), await dataOf(varve, "base:1")];
      const id = container.UpperDir.slice(0, -"/diff".length);
      assert.equal(container.LowerDir, `${id}-init/diff:${image.UpperDir}`);
      assert.deepEqual(fs.readdirSync(container.UpperDir), []);
      const [row] = (await varve("ps", "-as", "--format", "{{.Names}} {{.Status}} {{.Size}}")).split("\n");
      assert.match(row as string, /^fresh Created 0B \(virtual [\d.]+MB\)$/);
      await varve("rm", "fresh");
    },
  );

  await t.test("B006 B009 a storm in a container touches its writable layer only", async () => {
    const lower = (await dataOf(varve, "base:1")).UpperDir;
    const copy = join(bench.path, "lower");
    execFileSync("cp", ["-a", lower, copy]);
    const saved = join(bench.path, "before.tar");
    await varve("save", "-o", saved, "base:1");
    const storm =
      "rm -r /odd /usr; chmod 777 /etc/profile; echo x >> /bin/apt; mv /root /home; touch /tmp/t; ln /etc/passwd /p";
    await varve("run", "--name", "storm", "base:1", "sh", "-c", storm);
    assert.deepEqual(compareTrees(lower, copy), []);
    await varve("save", "-o", `${saved}.after`, "base:1");
    assert.ok(fs.readFileSync(saved).equals(fs.readFileSync(`${saved}.after`)));
    assert.equal(await varve("system", "check", "--deep"), "no problems found");
    await varve("rm", "storm");
  });

  await t.test(
    "B010 B015 edits belong to one container, live until rm, and are read again after a start",
    async () => {
      await varve(
        "run",
        "--name",
        "c1",
        "base:1",
        "sh",
        "-c",
        "cat /etc/profile; echo edited > /etc/profile; sync",
      );
      await varve("run", "--name", "c2", "base:1", "cat", "/etc/profile");
      assert.equal(await varve("start", "-a", "c2"), "PATH=/bin:/usr/bin");
      assert.equal(await varve("start", "-a", "c1"), "edited");
      const sizes = (await varve("ps", "-as", "--format", "{{.Names}} {{.Size}}")).split("\n");
      assert.deepEqual(
        sizes.map((line) => line.replace(/ \(.*/, "")),
        ["c2 0B", "c1 7B"],
      );
      await varve("rm", "c1", "c2");
      assert.equal(await varve("run", "--rm", "base:1", "cat", "/etc/profile"), "PATH=/bin:/usr/bin");
    },
  );

  await t.test("B011 fifty containers cost less than 150 kB each", async () => {
    const used = (): number => Number(execFileSync("du", ["-sk", root], { encoding: "utf8" }).split("\t")[0]);
    const before = used();
    // What `varve create` does, without fifty starts of the program.
    const { images, containers } = await openEngine({ root });
    const image = await images.resolve("base:1");
    for (let i = 0; i < 50; i++)
      await containers.create({ imageName: "base:1", image, config: {}, hostConfig: {} });
    assert.equal((await varve("ps", "-aq")).split("\n").length, 50);
    assert.ok(used() - before < 50 * 150, `${used() - before} KiB`);
    await varve("rm", ...(await varve("ps", "-aq")).split("\n"));
    assert.ok(used() - before < 150, `${used() - before} KiB are left`);
  });

  await t.test("B012 --read-only: writes fail, and nothing is changed", async () => {
    const run = await varve.run(["run", "--read-only", "--name", "ro", "base:1", "touch", "/x"]);
    assert.deepEqual([run.code, /Read-only file system/.test(run.stderr)], [1, true]);
    assert.equal(await varve("diff", "ro"), "");
    await varve("rm", "ro");
  });

  await t.test("B027 /etc/hosts is a mount: edits are no change, and removing it is refused", async () => {
    const edit = "echo '1.2.3.4 x' >> /etc/hosts; cat /etc/hosts | tail -n 1; rm /etc/hosts";
    const run = await varve.run(["run", "--name", "hosts", "base:1", "sh", "-c", edit]);
    assert.equal(run.stdout, "1.2.3.4 x\n");
    assert.match(run.stderr, /Device or resource busy/);
    assert.equal(await varve("diff", "hosts"), "");
    await varve("rm", "hosts");
  });

  await t.test("B059 a commit holds no placeholder and nothing of a bind mount", async () => {
    fs.mkdirSync(join(bench.path, "bound"));
    const write = "echo 1 > /bound/in; echo 2 > /etc/hosts; echo 3 > /mine";
    await varve(
      "run",
      "--name",
      "bound",
      "-v",
      `${join(bench.path, "bound")}:/bound`,
      "base:1",
      "sh",
      "-c",
      write,
    );
    assert.equal(fs.readFileSync(join(bench.path, "bound/in"), "utf8"), "1\n");
    await varve("commit", "bound", "bound");
    await varve("save", "--format", "docker", "-o", join(bench.path, "bound.tar"), "bound");
    execFileSync("tar", ["-xf", join(bench.path, "bound.tar"), "-C", join(bench.path, "bound")]);
    const manifest = fs.readFileSync(join(bench.path, "bound/manifest.json"), "utf8");
    const top = json<{ Layers: string[] }[]>(manifest)[0]?.Layers.at(-1) as string;
    const listed = execFileSync("tar", ["-tf", join(bench.path, "bound", top)], { encoding: "utf8" });
    assert.equal(listed, "bound/\nmine\n");
    await varve("rm", "bound");
  });
});

test("how a run ends", { skip: runSkip }, async (t) => {
  await using bench = await makeBench("run");
  const { root, varve } = bench;
  const codeOf = async (...args: string[]): Promise<number> =>
    (await varve.run(["run", "--rm", ...args])).code;

  await t.test("exit codes are the command's, 125, 126, 127", async () => {
    assert.deepEqual(
      [
        await codeOf("base:1", "true"),
        await codeOf("base:1", "sh", "-c", "exit 42"),
        await codeOf("--bogus", "base:1"),
        await codeOf("--pull", "never", "missing:1"),
        await codeOf("base:1", "/etc/passwd"),
        await codeOf("base:1", "no-such-command"),
      ],
      [0, 42, 125, 125, 126, 127],
    );
  });

  await t.test(
    "B088 --rm takes container, layer and init layer away, also when the start failed",
    async () => {
      const list = (): string[][] =>
        ["overlay2", "overlay2/l", "containers", "image/overlay2/layerdb/mounts", "varve/run"].map((path) => {
          const full = join(root, path);
          return fs.existsSync(full) ? fs.readdirSync(full).sort() : [];
        });
      const before = list();
      await codeOf("base:1", "touch", "/x");
      await codeOf("base:1", "no-such-command");
      assert.deepEqual(list(), before);
    },
  );

  await t.test("streams, environment, directory, user, entrypoint, hostname", async () => {
    const piped = await varve.run(["run", "--rm", "-i", "base:1", "sh", "-c", "cat; echo err >&2"], {
      input: "in",
    });
    assert.deepEqual(piped, { code: 0, stdout: "in", stderr: "err\n" });
    const flags = ["-e", "A=b c", "-w", "/new/dir", "-u", "65534:12", "-h", "host"];
    const script = 'echo "$A"; pwd; id -u; id -g; cat /etc/hostname; echo $0';
    const out = await varve("run", "--rm", ...flags, "--entrypoint", "sh", "base:1", "-c", script, "zero");
    assert.deepEqual(out.split("\n"), ["b c", "/new/dir", "65534", "12", "host", "zero"]);
  });

  await t.test("B095 B096 while it runs: ps, rm and rmi refuse in Docker's words; rm -f kills", async () => {
    const child = await background(varve, "--name", "up", "base:1", "sh", "-c", "echo ready; sleep 1000");
    // What it prints comes past those who write down that it runs.
    let id = "";
    while (id === "") id = await varve("ps", "-q", "--no-trunc");
    assert.match(
      await varve("ps"),
      /^CONTAINER ID   IMAGE     COMMAND                  CREATED\s+STATUS\s+PORTS     NAMES\n[0-9a-f]{12}   base:1    "sh -c 'echo ready; …"   .*   Up .*up$/,
    );
    const rm = await varve.run(["rm", "up"]);
    assert.deepEqual(
      [rm.code, rm.stderr],
      [
        1,
        `varve: You cannot remove a running container ${id}. Stop the container before attempting removal or force remove\n`,
      ],
    );
    const rmi = await varve.run(["rmi", "-f", (await varve("images", "-q")).split("\n")[0] as string]);
    assert.match(
      rmi.stderr,
      new RegExp(
        `conflict: unable to delete [0-9a-f]{12} \\(cannot be forced\\) - image is being used by running container ${id.slice(0, 12)}`,
      ),
    );
    assert.equal(await varve("rm", "-f", "up"), "up");
    assert.equal(await exitOf(child), 137);
    assert.equal(await varve("ps", "-aq"), "");
  });

  await t.test("B086 B087 the mount of a container that runs, and what --rm leaves of it", async () => {
    const child = await background(
      varve,
      "-i",
      "--rm",
      "--name",
      "layer",
      "base:1",
      "sh",
      "-c",
      "echo ready; exec sh",
    );
    const data = await dataOf(varve, "layer");
    const image = await dataOf(varve, "base:1");
    const own = data.UpperDir.slice(0, -"/diff".length);
    assert.deepEqual(data, {
      LowerDir: `${own}-init/diff:${image.UpperDir}`,
      MergedDir: `${own}/merged`,
      UpperDir: `${own}/diff`,
      WorkDir: `${own}/work`,
    });
    child.stdin?.write("echo 4 > /etc/profile; touch /done; echo written\n");
    await once(child.stdout!, "data");
    for (const path of [data.UpperDir, data.MergedDir])
      assert.equal(fs.readFileSync(join(path, "etc/profile"), "utf8"), "4\n");
    assert.ok(fs.existsSync(join(data.MergedDir, "bin/sh")));
    child.stdin?.end("exit 5\n");
    assert.equal(await exitOf(child), 5);
    assert.deepEqual(
      [fs.existsSync(own), fs.existsSync(`${own}-init`), await varve("ps", "-aq")],
      [false, false, ""],
    );
  });

  await t.test("signals are passed on", async () => {
    const trap = "trap 'echo got; exit 7' TERM; echo ready; while :; do sleep 0.1; done";
    const polite = await background(varve, "--rm", "base:1", "sh", "-c", trap);
    polite.kill("SIGTERM");
    assert.equal(await exitOf(polite), 7);
  });

  await t.test("B097 diff of a container that added, changed, deleted and renamed", async () => {
    const script =
      "echo 1 >> /etc/profile; chmod 700 /bin; mkdir -p /new/dir; echo > /new/dir/f; rm /odd/one; " +
      "mv /odd/two /odd/three; rm -r /usr; touch -d '2020-01-02 03:04:05' /tmp/t; : >> /etc/passwd";
    await varve("run", "--name", "changed", "base:1", "sh", "-c", script);
    assert.deepEqual((await varve("diff", "changed")).split("\n"), [
      "C /bin",
      "C /etc",
      "C /etc/profile",
      "A /new",
      "A /new/dir",
      "A /new/dir/f",
      "C /odd",
      "D /odd/one",
      "A /odd/three",
      "D /odd/two",
      "C /tmp",
      "A /tmp/t",
      "D /usr",
    ]);
    const listed = json<{ kind: string; path: string }[]>(await varve("--json", "diff", "changed"));
    assert.deepEqual(listed[0], { kind: "C", path: "/bin" });
    await varve("rm", "changed");
  });
});
