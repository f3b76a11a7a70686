/** What a build can be given as context, and how Docker would say that it cannot. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { tarFile, tarOf } from "../../../../test/support/tar_help.ts";
import { scratch, unlessLinux, type Scratch } from "../../../../test/suites/scratch.ts";
import type { SourceTree } from "../../../build/index.ts";
import { fromBytes } from "../../../bytes/index.ts";
import { isFailure, type FailureKind } from "../../../errors.ts";
import { openContext, type ContextOptions } from "./open_context.ts";

const skip = unlessLinux;
const { signal } = new AbortController();

function optionsIn(
  { path }: Scratch,
  more: Partial<ContextOptions> & { readonly input?: string | Buffer } = {},
): ContextOptions {
  const { input = "", ...rest } = more;
  return {
    stdin: fromBytes(Buffer.from(input)),
    temporaryDirectory: path,
    fetchUrl: () => assert.fail("nothing is to be fetched"),
    signal,
    ...rest,
  };
}

function filesIn(tree: SourceTree | undefined, directory = ""): string[] {
  return (tree?.readdir(directory) ?? []).flatMap((name) => {
    const path = directory === "" ? name : `${directory}/${name}`;
    return tree?.stat(path)?.kind === "directory" ? [`${path}/`, ...filesIn(tree, path)] : [path];
  });
}

/** `[Dockerfile's name, its text, files]`. */
async function opened(
  spec: string,
  options: ContextOptions,
): Promise<[string, string, string[] | undefined]> {
  await using context = await openContext(spec, options);
  const { name, bytes } = context.dockerfile;
  return [name, Buffer.from(bytes).toString(), context.files && filesIn(context.files)];
}

async function fails(
  spec: string,
  options: ContextOptions,
  kind: FailureKind,
  message: RegExp,
): Promise<void> {
  await assert.rejects(openContext(spec, options), (error) => {
    assert.ok(isFailure(error, kind), String(error));
    assert.match(error.message, message);
    return true;
  });
}

function project(directory: Scratch, files: Readonly<Record<string, string>>): string {
  const root = join(directory.path, "project");
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test("B062 a directory: its Dockerfile, and files without what is ignored", { skip }, async () => {
  using directory = scratch("context");
  const root = project(directory, {
    Dockerfile: "FROM scratch",
    ".dockerignore": "# none\nDockerfile\n.dockerignore\nlogs\n!logs/keep\n",
    a: "a",
    "logs/x": "x",
    "logs/keep": "k",
  });
  // What is left out can still be read by the builder itself.
  assert.deepEqual(await opened(root, optionsIn(directory)), [
    "Dockerfile",
    "FROM scratch",
    ["a", "logs/", "logs/keep"],
  ]);
});

test("B062 -f: another file, also from outside, with an ignore file of its own", { skip }, async () => {
  using directory = scratch("context-file");
  const root = project(directory, {
    Dockerfile: "one",
    ".dockerignore": "a",
    a: "a",
    b: "b",
    "sub/other": "two",
  });
  writeFileSync(join(directory.path, "outside"), "three");
  writeFileSync(join(directory.path, "outside.dockerignore"), "*\n!b");
  const dockerfile = join(root, "sub/other");
  const inside = ["other", "two", [".dockerignore", "Dockerfile", "b", "sub/", "sub/other"]];
  assert.deepEqual(await opened(root, optionsIn(directory, { dockerfile })), inside);
  const outside = join(directory.path, "outside");
  assert.deepEqual(await opened(root, optionsIn(directory, { dockerfile: outside })), [
    "outside",
    "three",
    ["b"],
  ]);
  writeFileSync(join(root, "Dockerfile.dockerignore"), "b\nsub\n*ocker*");
  assert.deepEqual(await opened(root, optionsIn(directory)), ["Dockerfile", "one", ["a"]]);
});

test("B062 standard input: a Dockerfile, with files or without, or a tar", { skip }, async () => {
  using directory = scratch("context-stdin");
  const lone = await opened("-", optionsIn(directory, { input: "FROM scratch\n" }));
  assert.deepEqual(lone, ["Dockerfile", "FROM scratch\n", undefined]);
  const root = project(directory, { a: "a" });
  const piped = optionsIn(directory, { input: "FROM x\n", dockerfile: "-" });
  assert.deepEqual(await opened(root, piped), ["Dockerfile", "FROM x\n", ["a"]]);
  const tar = tarOf([
    tarFile({ path: "./Dockerfile" }, "FROM y"),
    tarFile({ path: ".dockerignore" }, "b"),
    tarFile({ path: "b" }),
    tarFile({ path: "other/df" }, "FROM z"),
  ]);
  const all = [".dockerignore", "Dockerfile", "other/", "other/df"];
  for (const input of [tar, gzipSync(tar)])
    assert.deepEqual(await opened("-", optionsIn(directory, { input })), ["Dockerfile", "FROM y", all]);
  const named = optionsIn(directory, { input: tar, dockerfile: "other/df" });
  assert.deepEqual(await opened("-", named), ["other/df", "FROM z", all]);
  const file = join(directory.path, "context.tar");
  writeFileSync(file, tar);
  assert.deepEqual(await opened(file, optionsIn(directory)), ["Dockerfile", "FROM y", all]);
  assert.deepEqual(readdirSync(directory.path).sort(), ["context.tar", "project"]);
});

test("a URL: a tar or a Dockerfile, told by its content", { skip }, async () => {
  using directory = scratch("context-url");
  const serve = (bytes: string | Buffer) => ({
    fetchUrl: async () => ({ content: fromBytes(Buffer.from(bytes)) }),
  });
  const url = "http://host.example/x";
  const lone = await opened(url, optionsIn(directory, serve("FROM scratch")));
  assert.deepEqual(lone, ["Dockerfile", "FROM scratch", undefined]);
  const tar = tarOf([tarFile({ path: "Dockerfile" }, "FROM y")]);
  assert.deepEqual(await opened(url, optionsIn(directory, serve(tar))), [
    "Dockerfile",
    "FROM y",
    ["Dockerfile"],
  ]);
  const root = project(directory, { a: "a" });
  const remote = optionsIn(directory, { ...serve("FROM far"), dockerfile: url });
  assert.deepEqual(await opened(root, remote), ["Dockerfile", "FROM far", ["a"]]);
});

test("what is no context is told in Docker's words", { skip }, async () => {
  using directory = scratch("context-bad");
  const missing = join(directory.path, "nosuch");
  await fails(
    missing,
    optionsIn(directory),
    "not-found",
    /^unable to prepare context: path ".*nosuch" not found$/,
  );
  const root = project(directory, { a: "a" });
  const noFile = /^failed to read dockerfile: open Dockerfile: no such file or directory$/;
  await fails(root, optionsIn(directory), "not-found", noFile);
  await fails(
    root,
    optionsIn(directory, { dockerfile: join(root, "x") }),
    "not-found",
    /open .*\/x: no such file/,
  );
  await fails(root, optionsIn(directory, { dockerfile: root }), "invalid", /is a directory$/);
  const both = optionsIn(directory, { dockerfile: "-" });
  await fails("-", both, "invalid", /can't use stdin for both build context and dockerfile$/);
  await fails("-", optionsIn(directory), "invalid", /it is empty$/);
  await fails(
    join(root, "a"),
    optionsIn(directory),
    "invalid",
    /^unable to prepare context: context must be a directory: /,
  );
  await fails("-", optionsIn(directory, { input: tarOf([tarFile({ path: "a" })]) }), "not-found", noFile);
});

test("no link leads a Dockerfile out of its context", { skip }, async () => {
  using directory = scratch("context-link");
  const root = project(directory, { a: "FROM scratch" });
  writeFileSync(join(directory.path, "secret"), "secret");
  symlinkSync("../secret", join(root, "Dockerfile"));
  await fails(root, optionsIn(directory), "not-found", /^failed to read dockerfile/);
  const tar = tarOf([tarFile({ path: "Dockerfile", type: "symlink", linkPath: "/etc/passwd" })]);
  await fails("-", optionsIn(directory, { input: tar }), "not-found", /^failed to read dockerfile/);
});

test("a Node project without a Dockerfile is offered one", { skip }, async () => {
  using directory = scratch("context-node");
  const root = project(directory, { "package.json": '{"dependencies":{"a":"1"}}' });
  await assert.rejects(openContext(root, optionsIn(directory)), (error) => {
    assert.ok(isFailure(error, "not-found"));
    assert.match(
      error.hint ?? "",
      /varve build --init .*project[^]*\n\n# syntax[^]*FROM node:\d+-slim[^]*npm install/,
    );
    return true;
  });
});

const gitSkip = skip || (spawnSync("git", ["--version"]).status === 0 ? false : "git is not installed");

test("git: an address that cannot be reached leaves nothing", { skip: gitSkip }, async () => {
  using directory = scratch("context-git");
  const refused = /^failed to fetch remote https:\/\/127\.0\.0\.1:1\/a\.git: git fetch:/;
  await fails("https://127.0.0.1:1/a.git#main:sub", optionsIn(directory), "unavailable", refused);
  assert.deepEqual(readdirSync(directory.path), []);
});
