/** `tag`, `rmi`, `commit`, `import`, `export`, `cp`, `system df` of the bundled CLI. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { compareTrees } from "../../src/layer/index.ts";
import { startDockerd } from "../suites/dockerd.ts";
import { scratch } from "../suites/scratch.ts";
import {
  besideDockerdSkip,
  dockerOn,
  json,
  makeBase,
  makeBench,
  runSkip,
  varveOn,
  writeExamples,
  type Program,
} from "./support.ts";

const idOf = (from: Program, image: string): Promise<string> => from("inspect", "-f", "{{.Id}}", image);

/** Changes the container's root and commits it. @returns the image's ID */
async function layerOn(varve: Program, image: string, script: string, name?: string): Promise<string> {
  await varve("run", "--name", "layer", image, "sh", "-c", script);
  const id = await varve("commit", "layer", ...(name === undefined ? [] : [name]));
  await varve("rm", "layer");
  return id;
}

test("names and removal", { skip: runSkip }, async (t) => {
  await using bench = await makeBench("images");
  const { varve } = bench;
  const refused = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await varve.run(args);
    assert.deepEqual([code, stdout], [1, ""], args.join(" "));
    return stderr.replace(/^varve: /, "").split("\n")[0] as string;
  };

  await t.test("B091 tag adds a name and prints nothing; the registry is part of the name", async () => {
    for (const name of ["127.0.0.1:5000/repository:layer", "docker.io/library/other", "a.b/c"])
      assert.equal(await varve("tag", "base:1", name), "");
    assert.deepEqual(json<string[]>(await varve("inspect", "-f", "{{json .RepoTags}}", "base:1")).sort(), [
      "127.0.0.1:5000/repository:layer",
      "a.b/c:latest",
      "base:1",
      "other:latest",
    ]);
    assert.match(await refused("tag", "base:1", "bad name"), /invalid reference format/);
    assert.match(await refused("tag", "base:1", "x:"), /invalid reference format/);
    assert.equal(await refused("tag", "missing", "x"), "No such image: missing:latest");
    const removed = await varve("rmi", "127.0.0.1:5000/repository:layer", "other", "a.b/c");
    assert.deepEqual(removed.split("\n"), [
      "Untagged: 127.0.0.1:5000/repository:layer",
      "Untagged: other:latest",
      "Untagged: a.b/c:latest",
    ]);
  });

  await t.test(
    "B092 the last name goes with the image, its nameless parents and their layers, top to base",
    async () => {
      const middle = await layerOn(varve, "base:1", "echo 1 > /one");
      const top = await layerOn(varve, middle, "echo 2 > /two", "top");
      const [base, one, two] = json<string[]>(
        await varve("inspect", "-f", "{{json .RootFS.Layers}}", "top"),
      ) as [string, string, string];
      const chain = (below: string, diff: string): string =>
        `sha256:${execFileSync("sha256sum", { input: `${below} ${diff}`, encoding: "utf8" }).slice(0, 64)}`;
      const lower = chain(base, one);
      assert.deepEqual((await varve("rmi", "top")).split("\n"), [
        "Untagged: top:latest",
        `Deleted: ${top}`,
        `Deleted: ${chain(lower, two)}`,
        `Deleted: ${middle}`,
        `Deleted: ${lower}`,
      ]);
      assert.equal(await varve("images", "-aq"), (await idOf(varve, "base:1")).slice(7, 19));
      assert.equal(await refused("rmi", "top"), "No such image: top:latest");
    },
  );

  await t.test("B093 each conflict in Docker's words", async () => {
    const image = (await layerOn(varve, "base:1", "echo 3 > /three", "child")).slice(7, 19);
    const base = (await idOf(varve, "base:1")).slice(7, 19);
    assert.equal(
      await refused("rmi", "-f", base),
      `conflict: unable to delete ${base} (cannot be forced) - image has dependent child images`,
    );
    await varve("tag", "child", "second");
    assert.equal(
      await refused("rmi", image),
      `conflict: unable to delete ${image} (must be forced) - image is referenced in multiple repositories`,
    );
    await varve("rmi", "second");
    const container = (await varve("create", "-i", "child", "sh")).slice(0, 12);
    assert.equal(
      await refused("rmi", "child"),
      `conflict: unable to remove repository reference "child" (must force) - container ${container} is using its referenced image ${image}`,
    );
    assert.equal(
      await refused("rmi", image),
      `conflict: unable to delete ${image} (must be forced) - image is being used by stopped container ${container}`,
    );
  });

  await t.test("B094 after rmi -f the container still starts, and ps shows the short ID", async () => {
    const id = await idOf(varve, "child");
    const [container = ""] = (await varve("ps", "-aq")).split("\n");
    assert.deepEqual((await varve("rmi", "-f", "child")).split("\n"), [
      "Untagged: child:latest",
      `Deleted: ${id}`,
    ]);
    assert.equal(await varve("ps", "-a", "--format", "{{.Image}}"), id.slice(7, 19));
    const started = await varve.run(["start", "-a", "-i", container], { input: "cat /three\n" });
    assert.deepEqual([started.code, started.stdout], [0, "3\n"]);
    await varve("rm", container);
    const gc = await varve("system", "gc", "--dry-run");
    assert.match(gc, /Reclaimable space: /);
  });

  await t.test(
    "B090 an image that lost its name dangles until image prune; parents show with -a",
    async () => {
      await varve("system", "gc");
      const first = await layerOn(varve, "base:1", "echo 4 > /four", "moves");
      const second = await layerOn(varve, "base:1", "echo 5 > /five", "moves");
      const child = await layerOn(varve, second, "echo 6 > /six", "child");
      await varve("rmi", "moves");
      const short = (id: string): string => id.slice(7, 19);
      const rows = async (...flags: string[]): Promise<string[]> =>
        (await varve("images", ...flags, "--format", "{{.ID}} {{.Repository}} {{.Tag}}")).split("\n").sort();
      const base = `${short(await idOf(varve, "base:1"))} base 1`;
      const [dangling, parent] = [`${short(first)} <none> <none>`, `${short(second)} <none> <none>`];
      const kept = [base, `${short(child)} child latest`];
      assert.deepEqual(await rows(), [...kept, dangling].sort());
      assert.deepEqual(await rows("-a"), [...kept, dangling, parent].sort());
      assert.deepEqual(await rows("-f", "dangling=true"), [dangling]);
      const pruned = await varve("image", "prune");
      assert.match(
        pruned,
        new RegExp(
          `^Deleted Images:\ndeleted: ${first}\ndeleted: sha256:[0-9a-f]{64}\n\nTotal reclaimed space: 2B$`,
        ),
      );
      assert.deepEqual(await rows("-a"), [...kept, parent].sort());
    },
  );
});

test(
  "B091 B092 B093 B096 the same commands on a copy of dockerd's root print the same",
  { skip: besideDockerdSkip },
  async () => {
    using directory = scratch("images");
    await using daemon = await startDockerd(directory.path, "overlay2");
    const docker = dockerOn(directory.path);
    await docker("import", "-c", 'CMD ["sh"]', makeBase(directory.path, { id: "base" }), "debian:12");
    writeExamples(directory.path, "debian:12");
    await docker("build", "-q", "--network", "none", "-t", "repository:layer", join(directory.path, "B"));
    await docker("create", "--name", "one", "--network", "none", "debian:12");
    await docker("tag", "debian:12", "registry.example/debian:twelve");
    await docker("commit", "one", "from-one");
    const copy = join(directory.path, "copy");
    execFileSync("cp", ["-a", daemon.root, copy]);
    const varve = varveOn(copy);
    const example = (await idOf(docker, "repository:layer")).slice(7, 19);
    const base = (await idOf(docker, "debian:12")).slice(7);
    const parent = (await docker("inspect", "-f", "{{.Parent}}", "repository:layer")).slice(7, 19);
    const commands = [
      "tag repository:layer 127.0.0.1:5000/repository:layer",
      "tag repository:layer repository:again",
      `rmi ${example}`,
      `rmi ${parent}`,
      "rmi 127.0.0.1:5000/repository:layer repository:again",
      "rmi missing debian:missing",
      `rmi ${base}`,
      "rmi debian:12",
      "rmi registry.example/debian:twelve",
      "rmi -f from-one",
      "rmi --no-prune repository:layer",
      `rmi ${parent}`,
      "image prune -f",
      "rmi -f debian:12 registry.example/debian:twelve",
      "images -aq --no-trunc",
      "rm one",
      "rm one",
      "rm -f one",
      "ps -aq",
      "tag debian:12 x@sha256:0000000000000000000000000000000000000000000000000000000000000000",
      "images -q",
    ];
    for (const text of commands) {
      const words = text.split(" ");
      const [theirs, ours] = [await docker.run(words), await varve.run(words)];
      const plain = (stderr: string): string =>
        stderr.replaceAll(/^(Error response from daemon|Error|varve): /gm, "");
      assert.deepEqual(
        [ours.code, ours.stdout, plain(ours.stderr)],
        [theirs.code, theirs.stdout, plain(theirs.stderr)],
        text,
      );
    }
  },
);

test("commit, import, export", { skip: runSkip }, async (t) => {
  await using bench = await makeBench("images");
  const { root, varve } = bench;
  const at = (name: string): string => join(bench.path, name);

  await t.test("B058 B054 a commit is one layer, one row, the container's config, the parent", async () => {
    await varve("run", "--name", "work", "-e", "A=b", "-w", "/root", "base:1", "sh", "-c", "echo new > /new");
    const changes = ["-c", 'CMD ["cat", "/new"]', "-c", 'ENV C="d e"', "-c", "LABEL l=m", "-c", "EXPOSE 80"];
    const id = await varve("commit", "-a", "Jo <jo@x>", "-m", "a message", ...changes, "work", "committed");
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    const [image] = json<[Inspected]>(await varve("inspect", "committed"));
    const [base] = json<Inspected[]>(await varve("inspect", "base:1"));
    const [container] = json<Inspected[]>(await varve("inspect", "work"));
    assert.deepEqual(
      [image.Id, image.Parent, image.Author, image.Comment, image.Container],
      [id, base?.Id, "Jo <jo@x>", "a message", container?.Id],
    );
    assert.deepEqual(image.RootFS.Layers.slice(0, -1), base?.RootFS.Layers);
    assert.deepEqual(image.ContainerConfig, container?.Config);
    const { Cmd, Env, Labels, ExposedPorts, WorkingDir } = image.Config;
    assert.deepEqual(
      { Cmd, Env, Labels, ExposedPorts, WorkingDir },
      {
        Cmd: ["cat", "/new"],
        Env: ["A=b", "C=d e"],
        Labels: { l: "m" },
        ExposedPorts: { "80/tcp": {} },
        WorkingDir: "/root",
      },
    );
    const [row] = (
      await varve("history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Size}}|{{.Comment}}", "committed")
    ).split("\n");
    assert.equal(row, "sh -c echo new > /new|4B|a message");
    assert.equal(await varve("run", "--rm", "committed"), "new");
    const bad = await varve.run(["commit", "-c", "RUN x", "work"]);
    assert.deepEqual([bad.code, bad.stderr.split("\n")[0]], [1, "varve: run is not a valid change command"]);
    await varve("rm", "work");
  });

  await t.test("B058 a running container stands still while it is committed", async () => {
    const script =
      "echo ready; i=0; while :; do i=$((i+1)); echo $i > /t; mv /t /a; echo $i > /t; mv /t /b; done";
    const child = varve.start(["run", "--rm", "--name", "busy", "base:1", "sh", "-c", script]);
    await once(child.stdout!, "data");
    await varve("commit", "busy", "snapshot");
    await varve("commit", "--pause=false", "busy", "moving");
    assert.equal(await varve("ps", "--format", "{{.Names}} {{.State}}"), "busy running");
    const numbers = async (image: string): Promise<number[]> =>
      (await varve("run", "--rm", image, "sh", "-c", "cat /a /b")).split("\n").map(Number);
    const [a = 0, b = 0] = await numbers("snapshot");
    assert.ok(a > 0 && (a === b || a === b + 1), `${a} ${b}`);
    assert.equal((await numbers("moving")).length, 2);
    const ended = once(child, "close");
    await varve("rm", "-f", "busy");
    assert.deepEqual(await ended, [137, null]);
  });

  await t.test(
    "B108 export holds the merged tree with the placeholders, and nothing of a bind mount",
    async () => {
      fs.mkdirSync(at("bound"));
      fs.writeFileSync(at("bound/secret"), "");
      const flags = ["--name", "exported", "-v", `${at("bound")}:/bound`];
      await varve(
        "run",
        ...flags,
        "base:1",
        "sh",
        "-c",
        "rm /odd/owned; echo x > /added; echo y >> /etc/hosts",
      );
      await varve("export", "-o", at("exported.tar"), "exported");
      const listed = execFileSync("tar", ["-tf", at("exported.tar")], { encoding: "utf8" }).split("\n");
      for (const path of [".dockerenv", "etc/hosts", "etc/mtab", "added", "bound/", "bin/busybox"])
        assert.ok(listed.includes(path), path);
      for (const path of ["odd/owned", "bound/secret"]) assert.ok(!listed.includes(path), path);
      const piped = varve.start(["export", "exported"]);
      const hosts = execFileSync("tar", ["-xOf", at("exported.tar"), "etc/hosts"], { encoding: "utf8" });
      assert.equal(hosts, "");
      piped.kill("SIGKILL");
      await once(piped, "close");
      await varve("rm", "exported");
    },
  );

  await t.test(
    "B109 import from file and pipe, gzip too: one layer, a message, no command of its own",
    async () => {
      const tar = fs.readFileSync(at("base.tar"));
      const piped = await varve.run(["import", "-"], {
        input: execFileSync("gzip", ["-1c"], { input: tar, maxBuffer: 1 << 26 }),
      });
      const fromPipe = piped.stdout.trim();
      await varve("import", "-m", "mine", "-c", "CMD echo hi", at("base.tar"), "imported:2");
      const [one, two] = json<Inspected[]>(await varve("inspect", fromPipe, "imported:2"));
      assert.deepEqual([one?.Comment, one?.Config.Cmd, one?.Parent], ["Imported from -", null, ""]);
      assert.deepEqual([two?.Comment, two?.Config.Cmd], ["mine", ["/bin/sh", "-c", "echo hi"]]);
      assert.deepEqual([one?.RootFS, one?.RootFS.Layers.length], [two?.RootFS, 1]);
      assert.equal(await varve("history", "--format", "{{.Comment}}", fromPipe), "Imported from -");
      const upper = await varve("inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "imported:2");
      assert.deepEqual(compareTrees(upper, at("base")), []);
      const missing = await varve.run(["import", at("missing.tar"), "x"]);
      const text = `varve: open ${at("missing.tar")}: no such file or directory\n`;
      assert.deepEqual(missing, { code: 1, stdout: "", stderr: text });
    },
  );

  await t.test("B109 import from a URL", async () => {
    const server = createServer((request, response) => {
      if (request.url !== "/base.tar") response.writeHead(404).end();
      else fs.createReadStream(at("base.tar")).pipe(response);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      await varve("import", `${url}/base.tar`, "fetched");
      assert.equal(await varve("inspect", "-f", "{{.Comment}}", "fetched"), `Imported from ${url}/base.tar`);
      const format = "{{json .RootFS.Layers}}";
      assert.equal(
        await varve("inspect", "-f", format, "fetched"),
        await varve("inspect", "-f", format, "imported:2"),
      );
      const { code, stderr } = await varve.run(["import", `${url}/other`]);
      assert.deepEqual([code, stderr], [1, `varve: Get "${url}/other": 404 Not Found\n`]);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  await t.test("B108 B109 a container of many layers becomes one layer with the same tree", async () => {
    await varve("create", "--name", "flat", "committed");
    const exported = varve.start(["export", "flat"]);
    const imported = varve.start(["import", "-", "flat:1"]);
    exported.stdout?.pipe(imported.stdin!);
    exported.stdin?.end();
    await Promise.all([once(exported, "close"), once(imported, "close")]);
    assert.equal(await varve("inspect", "-f", "{{len .RootFS.Layers}}", "flat:1"), "1");
    assert.equal(await varve("run", "--rm", "flat:1", "cat", "/new"), "new");
    await varve("rm", "flat");
  });

  await t.test("cp out of and into a container that does not run", async () => {
    await varve("create", "--name", "copied", "base:1");
    fs.mkdirSync(at("in"));
    fs.writeFileSync(at("in/file"), "from the host");
    await varve("cp", at("in"), "copied:/opt");
    await varve("cp", `${at("in")}/.`, "copied:/root");
    await varve("cp", "copied:/opt", at("out"));
    await varve("cp", "copied:/root/file", at("one"));
    assert.deepEqual(compareTrees(at("in"), at("out"), { ignore: ["times"] }), []);
    assert.equal(fs.readFileSync(at("one"), "utf8"), "from the host");
    assert.equal(await varve("diff", "copied"), "A /opt\nA /opt/file\nC /root\nA /root/file");
    const missing = await varve.run(["cp", "copied:/missing", at("x")]);
    assert.match(missing.stderr, /^varve: Could not find the file \/?missing in container/);
    // Docker makes the working directory with the container.
    await varve("create", "--name", "worked", "-w", "/made/here", "base:1");
    await varve("cp", at("one"), "worked:/made/here/");
    assert.equal(await varve("diff", "worked"), "A /made\nA /made/here\nA /made/here/one");
    const file = await varve.run(["create", "-w", "/etc/passwd", "base:1"]);
    assert.match(file.stderr, /^varve: Cannot mkdir: \/etc\/passwd is not a directory/);
    await varve("commit", "--change", "WORKDIR /named", "worked", "named:1");
    await varve("create", "--name", "named", "named:1");
    assert.equal(await varve("diff", "named"), "A /named");
    await varve("rm", "copied", "worked", "named");
    await varve("rmi", "named:1");
  });

  await t.test("B061 what sharing saves, and what a removal frees, is what the disk says", async () => {
    await varve("system", "prune", "-f");
    const used = (): number =>
      Number(execFileSync("du", ["-s", "-B1", root], { encoding: "utf8" }).split("\t")[0]);
    const df = json<Usage>(await varve("--json", "system", "df"));
    const sum = df.perImage.reduce((bytes, image) => bytes + image.size, 0);
    assert.equal(df.saved, sum - df.images.size);
    assert.ok(df.saved > 1_000_000, `${df.saved}`);
    for (const name of ["flat:1", "committed:latest"]) {
      const image = df.perImage.find(({ repoTags }) => repoTags.includes(name));
      const before = used();
      await varve("rmi", name);
      assert.equal(before - used(), image?.frees, name);
    }
    assert.match(
      await varve("system", "df"),
      /^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nImages .*\nContainers +0 +0 +0B +0B\n/,
    );
  });
});

interface Config {
  readonly Cmd: string[] | null;
  readonly Env: string[];
  readonly Labels: object;
  readonly ExposedPorts: object;
  readonly WorkingDir: string;
}

interface Inspected {
  readonly Id: string;
  readonly Parent: string;
  readonly Author: string;
  readonly Comment: string;
  readonly Container: string;
  readonly Config: Config;
  readonly ContainerConfig: Config;
  readonly RootFS: { readonly Layers: string[] };
}

interface Usage {
  readonly images: { readonly size: number };
  readonly saved: number;
  readonly perImage: readonly {
    readonly size: number;
    readonly frees: number;
    readonly repoTags: string[];
  }[];
}
