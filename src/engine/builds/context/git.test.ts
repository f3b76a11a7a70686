/** Git references and what is fetched by them, from repositories that git makes here. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../../test/suites/scratch.ts";
import { isFailure } from "../../../errors.ts";
import { checkoutGit } from "./git_checkout.ts";
import { parseGitReference, type GitReference } from "./git_reference.ts";

const { signal } = new AbortController();
const skip = spawnSync("git", ["--version"]).status === 0 ? false : "git is not installed";

const references: readonly (readonly [string, Partial<GitReference> | undefined])[] = [
  ["https://host.example/a.git", { remote: "https://host.example/a.git" }],
  ["https://host.example/a.git#v1:sub/dir", { ref: "v1", directory: "sub/dir" }],
  ["https://host.example/a.git#:../../etc", { directory: "etc" }],
  ["https://host.example/a.git?branch=main&subdir=x", { ref: "refs/heads/main", directory: "x" }],
  [
    "https://host.example/a.git?tag=v1&keep-git-dir&submodules=0",
    { ref: "refs/tags/v1", keepGitDir: true, submodules: false },
  ],
  ["https://host.example/a.git?checksum=abcdef0", { checksum: "abcdef0" }],
  ["git@host.example:team/a", { remote: "git@host.example:team/a" }],
  ["git@host.example:team/a.git#main", { remote: "git@host.example:team/a.git", ref: "main" }],
  ["ssh://git@host.example/a", { remote: "ssh://git@host.example/a" }],
  ["git://host.example/a", { remote: "git://host.example/a" }],
  ["github.com/team/a", { remote: "https://github.com/team/a" }],
  ["https://host.example/a.tar.gz", undefined],
  ["https://host.example/a.git/raw/file", undefined],
  ["file:///srv/a.git", undefined],
  ["./a.git", undefined],
  ["dir/with@odd:name", undefined],
  ["-oProxyCommand=x@host:y", undefined],
  [".", undefined],
];
for (const [text, expected] of references)
  test(`reference ${text}`, () => {
    const found = parseGitReference(text);
    if (expected === undefined) assert.equal(found, undefined);
    else assert.deepEqual({ ...found, ...expected }, found);
  });

for (const [text, message] of [
  ["https://host.example/a.git#-x", /^invalid git reference "-x"$/],
  ["https://host.example/a.git?ref=a:b", /^invalid git reference "a:b"$/],
  ["https://host.example/a.git#a..b", /^invalid git reference/],
  ["https://host.example/a.git?tag=a&branch=b", /^ref conflicts/],
  ["https://host.example/a.git?ref=a#b", /^ref conflicts: "b" vs "a"$/],
  ["https://host.example/a.git?depth=1", /^unexpected query "depth"/],
  ["https://host.example/a.git?ref=", /^query "ref" has no value$/],
  ["https://host.example/a.git?checksum=xyz", /^invalid checksum/],
] as const)
  test(`refused: ${text}`, () => void assert.throws(() => parseGitReference(text), { message }));

/** A repository with two commits on `main`, the first tagged `v1`. */
function repository(path: string): { readonly url: string; readonly first: string } {
  mkdirSync(join(path, "sub"), { recursive: true });
  const git = (...args: string[]): string =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t.example", ...args], {
      cwd: path,
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" },
    }).trim();
  git("init", "-q", "-b", "main");
  writeFileSync(join(path, "file"), "one\n");
  writeFileSync(join(path, "sub/inner"), "inner\n");
  symlinkSync("/etc", join(path, "out"));
  git("add", ".");
  git("commit", "-qm", "one");
  git("tag", "v1");
  const first = git("rev-parse", "HEAD");
  writeFileSync(join(path, "file"), "two\n");
  git("commit", "-qam", "two");
  return { url: `file://${path}`, first };
}

test("a branch, a tag, a commit and a directory are checked out", { skip }, async () => {
  using directory = scratch("git");
  const { url, first } = repository(join(directory.path, "repo"));
  const options = { temporaryDirectory: directory.path, signal };
  const checkedOut = async (reference: Omit<GitReference, "remote">): Promise<string[]> => {
    await using checkout = await checkoutGit({ remote: url, ...reference }, options);
    const at = checkout.directory;
    return existsSync(join(at, "file"))
      ? [
          readFileSync(join(at, "file"), "utf8"),
          checkout.commit === first ? "first" : "second",
          ...readdirSync(at).sort(),
        ]
      : readdirSync(at);
  };
  const all = ["file", "out", "sub"];
  assert.deepEqual(await checkedOut({}), ["two\n", "second", ...all]);
  assert.deepEqual(await checkedOut({ ref: "main" }), ["two\n", "second", ...all]);
  assert.deepEqual(await checkedOut({ ref: "v1" }), ["one\n", "first", ...all]);
  assert.deepEqual(await checkedOut({ ref: first, checksum: first.slice(0, 7) }), ["one\n", "first", ...all]);
  assert.deepEqual(await checkedOut({ directory: "sub" }), ["inner"]);
  assert.deepEqual(await checkedOut({ ref: "v1", keepGitDir: true }), ["one\n", "first", ".git", ...all]);
  assert.deepEqual(readdirSync(directory.path), ["repo"], "nothing stays");
});

test("a repository that is nothing but files on a web server is checked out", { skip }, async () => {
  using directory = scratch("git-files");
  const path = join(directory.path, "repo");
  const { first } = repository(path);
  execFileSync("git", ["update-server-info"], { cwd: path });
  const server = createServer(({ url }, response) => {
    const file = join(path, ".git", (url ?? "").replace(/^\/a\.git|\?.*$/g, ""));
    if (!existsSync(file)) return void response.writeHead(404).end();
    response.end(readFileSync(file));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const remote = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.git`;
  const options = { temporaryDirectory: directory.path, signal };
  await using checkout = await checkoutGit({ remote, ref: "v1" }, options);
  assert.equal(checkout.commit, first);
  await assert.rejects(checkoutGit({ remote, ref: "nosuch" }, options), (error) =>
    isFailure(error, "unavailable"),
  );
  server.closeAllConnections();
  server.close();
});

test("what cannot be had is told, and leaves nothing", { skip }, async () => {
  using directory = scratch("git-bad");
  const { url } = repository(join(directory.path, "repo"));
  const options = { temporaryDirectory: directory.path, signal };
  const fails = async (
    reference: Omit<GitReference, "remote">,
    kind: "unavailable" | "not-found" | "corrupt",
  ) => assert.rejects(checkoutGit({ remote: url, ...reference }, options), (error) => isFailure(error, kind));
  await fails({ ref: "nosuch" }, "unavailable");
  await fails({ ref: "0".repeat(40) }, "unavailable");
  await fails({ directory: "nosuch" }, "not-found");
  await fails({ directory: "file" }, "not-found");
  // A link of the repository's that leads out of it.
  await fails({ directory: "out" }, "not-found");
  await fails({ checksum: "0000000" }, "corrupt");
  const secret = checkoutGit({ remote: "https://u:hunter2@127.0.0.1:1/a.git" }, options);
  await assert.rejects(
    secret,
    (error) => isFailure(error, "unavailable") && !error.message.includes("hunter2"),
  );
  const aborted = checkoutGit({ remote: url }, { ...options, signal: AbortSignal.abort() });
  await assert.rejects(aborted, (error) => isFailure(error, "cancelled"));
  assert.deepEqual(readdirSync(directory.path), ["repo"]);
});

test("a submodule may not be another repository of this machine", { skip }, async () => {
  using directory = scratch("git-submodule");
  const victim = repository(join(directory.path, "victim"));
  const path = join(directory.path, "repo");
  const { url } = repository(path);
  writeFileSync(join(path, ".gitmodules"), `[submodule "x"]\n\tpath = x\n\turl = ${victim.url}\n`);
  const git = (...args: string[]): void =>
    void execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t.example", ...args], { cwd: path });
  git("update-index", "--add", "--cacheinfo", `160000,${victim.first},x`);
  git("add", ".gitmodules");
  git("commit", "-qm", "three");
  const options = { temporaryDirectory: directory.path, signal };
  await assert.rejects(
    checkoutGit({ remote: url }, options),
    /failed to fetch remote file:.*transport 'file' not allowed/s,
  );
  await using without = await checkoutGit({ remote: url, submodules: false }, options);
  assert.deepEqual(readdirSync(join(without.directory, "x")), []);
});
