/** `varve build` in its default mode: what the command takes, what the image is, what is built again. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as sys from "../../src/sys/index.ts";
import {
  json,
  makeBench,
  runSkip,
  writeExamples,
  type Bench,
  type Outcome,
  type Program,
} from "./support.ts";

const options = { skip: runSkip, timeout: 120_000 };

/** Writes a context; paths that end in a slash are directories. */
function write(directory: string, files: Readonly<Record<string, string>>): string {
  for (const [path, content] of Object.entries(files)) {
    const at = join(directory, path);
    fs.mkdirSync(path.endsWith("/") ? at : join(at, ".."), { recursive: true });
    if (!path.endsWith("/")) fs.writeFileSync(at, content);
  }
  return directory;
}

const build = (varve: Program, ...args: string[]): Promise<Outcome> =>
  varve.run(["build", "--network", "none", "--progress", "plain", ...args]);

async function built(varve: Program, ...args: string[]): Promise<string> {
  const outcome = await build(varve, ...args);
  assert.equal(outcome.code, 0, outcome.stderr);
  return outcome.stderr;
}

/** Names in each layer of an image, bottom first. */
async function layerNames({ varve, path }: Bench, name: string): Promise<string[][]> {
  const archive = fs.mkdtempSync(join(path, "saved-"));
  await varve("save", "--format", "docker", "-o", join(archive, "image.tar"), name);
  execFileSync("tar", ["-xf", "image.tar"], { cwd: archive });
  const [{ Layers }] = json<[{ Layers: string[] }]>(fs.readFileSync(join(archive, "manifest.json"), "utf8"));
  return Layers.map((layer) =>
    execFileSync("tar", ["-tf", layer], { cwd: archive, encoding: "utf8" })
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.replace(/^\.\//, "")),
  );
}

/** Mode and owner of each file of the result, by name. */
async function listed({ varve, path }: Bench, context: string): Promise<Map<string, string>> {
  const tar = join(path, "result.tar");
  await built(varve, "-o", `type=tar,dest=${tar}`, context);
  const lines = execFileSync("tar", ["--numeric-owner", "-tvf", tar], { encoding: "utf8" })
    .trimEnd()
    .split("\n");
  return new Map(
    lines.map((line) => {
      const [mode = "", owner = "", , , , name = ""] = line.split(/\s+/);
      return [name.replace(/^\.\//, ""), `${mode} ${owner}`];
    }),
  );
}

interface Inspected {
  readonly Author: string;
  readonly Config: Readonly<Record<string, unknown>>;
  readonly RootFS: { readonly Layers: string[] };
}

async function inspect(varve: Program, name: string): Promise<Inspected> {
  const [found] = json<[Inspected]>(await varve("image", "inspect", name));
  return found;
}

const historyOf = async (
  varve: Program,
  name: string,
): Promise<{ CreatedBy: string; Size: string; Comment: string; ID: string }[]> =>
  (await varve("history", "--no-trunc", "--format", "{{json .}}", name)).split("\n").map((row) => json(row));

test("B062 names, -f, standard input, a tar and .dockerignore", options, async () => {
  await using bench = await makeBench("build-inputs");
  const { varve, path } = bench;
  const context = write(join(path, "context"), {
    Dockerfile: "FROM base:1\nCOPY . /c/\n",
    "Other.Dockerfile": "FROM base:1\nCOPY a /other\n",
    "Other.Dockerfile.dockerignore": "b\n",
    ".dockerignore": "*.log\nsub\n!sub/kept\n",
    a: "a",
    b: "b",
    "x.log": "",
    "sub/kept": "",
    "sub/gone": "",
  });
  await built(varve, "-t", "one:1", "-t", "two", context);
  assert.equal((await inspect(varve, "one:1")).RootFS.Layers.length, 2);
  assert.equal(await varve("images", "-q", "one:1"), await varve("images", "-q", "two:latest"));
  const names = (await layerNames(bench, "one:1"))[1];
  assert.deepEqual(names, [
    "c/",
    "c/.dockerignore",
    "c/Dockerfile",
    "c/Other.Dockerfile",
    "c/Other.Dockerfile.dockerignore",
    "c/a",
    "c/b",
    "c/sub/",
    "c/sub/kept",
  ]);
  await built(varve, "-t", "other:1", "-f", join(context, "Other.Dockerfile"), context);
  assert.deepEqual((await layerNames(bench, "other:1"))[1], ["other"]);

  const alone = await varve.run(["build", "-q", "-"], { input: "FROM base:1\nENV A=1\n" });
  assert.match(alone.stdout, /^sha256:[0-9a-f]{64}\n$/);
  const tar = execFileSync("tar", ["-cz", "-C", context, "."]);
  const fromTar = await varve.run(["build", "-q", "-t", "tar:1", "-"], { input: tar });
  assert.equal(fromTar.code, 0, fromTar.stderr);
  assert.deepEqual((await inspect(varve, "tar:1")).RootFS.Layers.length, 2);
  const both = await varve.run(["build", "-q", "-f", "-", context], { input: "FROM base:1\nCOPY a b /d/\n" });
  assert.equal(both.code, 0, both.stderr);
});

test("B064 B066 B073 example A: layers, author, command, rows", options, async () => {
  await using bench = await makeBench("build-a");
  const { varve, path } = bench;
  writeExamples(path, "base:1");
  const told = await built(varve, "-t", "a:1", join(path, "A"));
  assert.match(told, /Maintainer instruction is deprecated/);
  const { Author, Config, RootFS } = await inspect(varve, "a:1");
  assert.deepEqual([Author, Config["Cmd"], RootFS.Layers.length], ["Jo <jo@x>", ["/bin/bash"], 3]);
  const rows = await historyOf(varve, "a:1");
  assert.deepEqual(
    rows.slice(0, 4).map(({ CreatedBy, Comment }) => `${CreatedBy} | ${Comment}`),
    [
      'CMD ["/bin/bash"] | buildkit.dockerfile.v0',
      "RUN /bin/sh -c apt-get install -y apache2 # buildkit | buildkit.dockerfile.v0",
      "RUN /bin/sh -c apt-get update -y &&     apt-get install -y emacs # buildkit | buildkit.dockerfile.v0",
      "MAINTAINER Jo <jo@x> | buildkit.dockerfile.v0",
    ],
  );
  assert.deepEqual(
    rows.map(({ ID }) => ID === "<missing>"),
    [false, true, true, true, true],
  );
  assert.deepEqual(rows.map(({ Size }) => Size === "0B").slice(0, 4), [true, false, false, true]);
  const [, update, install] = await layerNames(bench, "a:1");
  assert.ok(update?.includes("usr/bin/emacs") && install?.includes("usr/bin/apache2"));
  // What is mounted into a container is no change.
  assert.ok(
    ![...(update ?? []), ...(install ?? [])].some((name) => /hosts|resolv|\.dockerenv|proc/.test(name)),
  );
});

test("B067 B069 B070 B073 example B: what is in each layer", options, async () => {
  await using bench = await makeBench("build-b");
  const { varve, path } = bench;
  writeExamples(path, "base:1");
  await built(varve, "-t", "b:1", join(path, "B"));
  const [, ...layers] = await layerNames(bench, "b:1");
  const [mkdir, ...rest] = layers;
  assert.deepEqual(mkdir, ["data/", "data/layer/"]);
  assert.deepEqual(
    rest.map((names) => names.at(-1)),
    ["data/layer/layer1", "data/layer/layer2", "data/layer/layer1", "data/layer/layer3", "etc/profile"],
  );
  assert.deepEqual(rest.at(-1), ["etc/", "etc/profile"], "only the file that was changed");
  const rows = await historyOf(varve, "b:1");
  assert.deepEqual(rows.map(({ Size }) => Size).slice(0, 7), ["32B", "2B", "2B", "2B", "2B", "0B", "0B"]);
  assert.deepEqual(
    rows.slice(3, 6).map(({ CreatedBy }) => CreatedBy),
    ["COPY layer2 /data/layer # buildkit", "COPY layer1 /data/layer # buildkit", "WORKDIR /data/layer"],
  );

  const context = write(join(path, "workdir"), {
    Dockerfile: "FROM base:1\nWORKDIR /new/dir\nWORKDIR sub\nWORKDIR /\n",
  });
  await built(varve, "-t", "w:1", context);
  const [, ...made] = await layerNames(bench, "w:1");
  assert.deepEqual(made, [
    ["new/", "new/dir/"],
    ["new/", "new/dir/", "new/dir/sub/"],
  ]);
  assert.equal((await inspect(varve, "w:1")).Config["WorkingDir"], "/");
});

test("B072 a step that changes nothing adds a row and no layer", options, async () => {
  await using bench = await makeBench("build-nothing");
  const { varve, path } = bench;
  const context = write(join(path, "c"), { Dockerfile: "FROM base:1\nRUN true\nRUN touch /x && rm /x\n" });
  await built(varve, "-t", "n:1", context);
  assert.equal((await inspect(varve, "n:1")).RootFS.Layers.length, 1);
  assert.equal((await historyOf(varve, "n:1")).length, 3);
});

test("B076 the cache goes by content, and says why a step was done again", options, async () => {
  await using bench = await makeBench("build-cache");
  const { varve, path } = bench;
  const context = write(join(path, "c"), {
    Dockerfile: "FROM base:1\nARG V=1\nCOPY a /a\nRUN cat /a\nCOPY b c /d/\n",
    a: "a",
    b: "b",
    c: "c",
  });
  const id = async (): Promise<string> => varve("images", "-q", "--no-trunc", "c:1");
  await built(varve, "-t", "c:1", context);
  const first = await id();
  fs.utimesSync(join(context, "a"), 1, 1);
  const again = await built(varve, "-t", "c:1", context);
  assert.equal(again.match(/^#\d+ CACHED$/gm)?.length, 3);
  assert.equal(await id(), first, "nothing was changed but times");

  fs.chmodSync(join(context, "b"), 0o600);
  const chmod = await built(varve, "-t", "c:1", context);
  assert.equal(chmod.match(/^#\d+ CACHED$/gm)?.length, 2);
  assert.match(chmod, /COPY b c \/d\/.* b changed/);

  fs.writeFileSync(join(context, "a"), "edited");
  const edited = await built(varve, "-t", "c:1", context);
  assert.doesNotMatch(edited, /CACHED/);
  assert.match(edited, /COPY a \/a.* a changed/);
  assert.match(edited, /RUN cat \/a.* the step above changed/);

  const argument = await built(varve, "--build-arg", "V=2", "-t", "c:1", context);
  assert.match(argument, /RUN cat \/a.* the value of ARG V changed/);
  // What it did again changed nothing, so what stands on it is the same.
  assert.equal(argument.match(/^#\d+ CACHED$/gm)?.length, 2);
  assert.doesNotMatch(await built(varve, "--no-cache", context), /CACHED/);

  // The same files in an image of another day and config.
  await varve("import", "-c", "ENV OTHER=1", "-m", "made again", join(path, "base.tar"), "base:1");
  fs.writeFileSync(join(context, "Dockerfile"), "FROM base:1\nENV OTHER=\nCOPY a /a\n");
  const rebuilt = await built(varve, "-t", "c:2", context);
  assert.equal(rebuilt.match(/^#\d+ CACHED$/gm)?.length, 1, "the parent's files are the same");
});

test(
  "B077 of several stages only the last is the result, and only what it needs is built",
  options,
  async () => {
    await using bench = await makeBench("build-stages");
    const { varve, path } = bench;
    const dockerfile = [
      "FROM base:1 AS one",
      "RUN echo built > /out && chmod 700 /out && chown 7:8 /out",
      "FROM base:1 AS unused",
      "RUN exit 9",
      "FROM scratch",
      "COPY --from=one /out /result",
    ];
    const context = write(join(path, "c"), { Dockerfile: dockerfile.join("\n") });
    const told = await built(varve, "-t", "s:1", context);
    assert.doesNotMatch(told, /exit 9/);
    assert.deepEqual(await layerNames(bench, "s:1"), [["result"]]);
    assert.equal((await historyOf(varve, "s:1")).length, 1);
    const target = await build(varve, "--target", "unused", context);
    assert.equal(target.code, 1);
    const wrong = await build(varve, "--target", "none", context);
    assert.match(wrong.stderr, /target stage "none" could not be found[\s\S]*one, unused/);
    // Owners come with what is copied from a stage.
    assert.equal((await listed(bench, context)).get("result"), "-rwx------ 7/8");
  },
);

test("B078 errors, and no tag is set", options, async (t) => {
  await using bench = await makeBench("build-errors");
  const { varve, path } = bench;
  const cases: readonly (readonly [name: string, dockerfile: string, error: RegExp])[] = [
    [
      "exit",
      "FROM base:1\nRUN echo last words; exit 3\n",
      /The command '\/bin\/sh -c echo last words; exit 3' returned a non-zero code: 3[\s\S]*Dockerfile:2[\s\S]*last words/,
    ],
    ["bogus", "FROM base:1\nBOGUS x\n", /dockerfile parse error line 2: unknown instruction: BOGUS/],
    [
      "nofile",
      "FROM base:1\nCOPY nofile /\n",
      /COPY failed: file not found in build context or excluded by \.dockerignore: stat nofile: file does not exist/,
    ],
    ["nostage", "RUN true\n", /no build stage in current context/],
    ["empty", "", /the Dockerfile \(Dockerfile\) cannot be empty/],
    ["guess", "FROM base:1\nRNU true\n", /did you mean RUN\?/i],
    ["insecure", "FROM base:1\nRUN --security=insecure true\n", /security\.insecure is not allowed/],
    ["outside", "FROM base:1\nCOPY ../base.tar /\n", /file does not exist/],
  ];
  for (const [name, dockerfile, error] of cases) {
    await t.test(name, async () => {
      const context = write(join(path, name), { Dockerfile: dockerfile });
      const { code, stderr } = await build(varve, "-t", "never:1", context);
      assert.equal(code, 1, stderr);
      assert.match(stderr, error);
      assert.equal(await varve("images", "-q", "never:1"), "");
    });
  }
  const mounts = sys
    .mountInfo()
    .filter(({ mountPoint }) => mountPoint.startsWith(bench.root) && !mountPoint.endsWith(".image"));
  assert.deepEqual(mounts, [], "nothing stays mounted");
});

test("B079 times are kept, owners are root's, archives are unpacked", options, async () => {
  await using bench = await makeBench("build-add");
  const { varve, path } = bench;
  const context = write(join(path, "c"), {
    "tree/in": "in",
    f: "f",
    Dockerfile: "FROM scratch\nCOPY f /f\nCOPY --chown=3:4 f /g\nADD t.tar.gz /t/\nCOPY t.tar.gz /kept/\n",
  });
  fs.chownSync(join(context, "f"), 1000, 1000);
  fs.utimesSync(join(context, "f"), 1_500_000_000, 1_500_000_000);
  execFileSync("tar", ["-czf", "t.tar.gz", "tree"], { cwd: context });
  const files = await listed(bench, context);
  assert.equal(files.get("f"), "-rw-r--r-- 0/0");
  assert.equal(files.get("g"), "-rw-r--r-- 3/4");
  assert.deepEqual(
    [...files.keys()].filter((name) => /^(t|kept)\//.test(name)),
    ["kept/", "kept/t.tar.gz", "t/", "t/tree/", "t/tree/in"],
  );
  await built(varve, "-o", join(path, "out"), context);
  assert.equal(fs.statSync(join(path, "out/f")).mtimeMs, 1_500_000_000_000);
  assert.equal(fs.readFileSync(join(path, "out/t/tree/in"), "utf8"), "in");
});
