/** What the docker command sends to its daemon of a directory with a `.dockerignore`, and what ours leaves of it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { ignoreMatcher, parseIgnore } from "../../src/dockerfile/index.ts";
import { readTar } from "../../src/tar/index.ts";
import { scratch } from "../suites/scratch.ts";
import { unless } from "./support.ts";

const files = [
  "Dockerfile",
  "README.md",
  "README-secret.md",
  "a.log",
  "b.txt",
  "docs/README.md",
  "docs/guide/deep/x.html",
  "docs/guide/index.html",
  "docs/notes.log",
  "file[1].txt",
  "foo/bar",
  "foo/baz/qux",
  "foobar",
  "node_modules/p/README.md",
  "node_modules/p/index.js",
  "src/a+b.ts",
  "src/node_modules/q/index.js",
  "src/test/unit/fixtures/data",
  "src/x.ts",
  "src/x1.ts",
  "src/\u00e9.ts",
];

/**
 * Without those that Docker's old builder gets wrong: exceptions that begin with a wildcard, of which it has no eye for
 * what lies below an ignored directory, and escaped letters, which it takes for those of a regular expression.
 */
const ignoreFiles = [
  "",
  "# comment\n\n  \n*.log\n",
  "\uFEFF*.log\r\ndocs\r\n",
  " # not a comment, for it is not in the first column\nfoo",
  "/foo\n/docs/../src/x.ts\n",
  "foo/",
  "./foo/./bar",
  "*",
  "*\n!src",
  "*\n!src/x.ts\n!docs/guide",
  "*.md\n!README.md",
  "*.md\n!README*.md\nREADME-secret.md",
  "!README.md\n*.md",
  "docs\n! docs/guide ",
  "docs\n!docs/guide\ndocs/guide/deep",
  "**/node_modules",
  "**/*.md",
  "**",
  "**/",
  "**\n!foo/baz",
  "foo/**",
  "foo**",
  "src/**/fixtures",
  "src/**/x.ts",
  "**/test/**/data",
  "*/*/*",
  "*/index.html",
  "src/x?.ts",
  "src/?.ts",
  "src/[a-x].ts",
  "src/[^x].ts",
  "src/x[0-9].ts",
  "src/a+b.ts",
  "file\\[1\\].txt",
  "file[[]1].txt",
  "file\\[1].txt\nfile\\?",
  "..",
  ".",
  "/",
  "../foo",
  "foo\nfoo\n!foo/bar\nfoo/baz",
  "!foo",
  "!!foo",
  "Dockerfile\n.dockerignore",
];

/** A daemon that builds nothing and tells which files it was given. */
async function receiver(): Promise<{ address: string; sent: Set<string> } & AsyncDisposable> {
  const sent = new Set<string>();
  const server = createServer(async (request, response) => {
    response.setHeader("Api-Version", "1.41");
    response.setHeader("Ostype", "linux");
    if (!request.url?.includes("/build")) return void response.end("{}");
    for await (const { entry } of readTar(request)) if (entry.type === "file") sent.add(entry.path);
    response.setHeader("Content-Type", "application/json");
    response.end('{"stream":"Successfully built 0123456789ab\\n"}\n');
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    address: `tcp://127.0.0.1:${port}`,
    sent,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** The files that docker sends for a context, or what it says against it. */
async function sentByDocker(context: string, address: string, sent: Set<string>): Promise<string[] | string> {
  sent.clear();
  const child = spawn("docker", ["-H", address, "build", "-q", context], {
    env: { ...process.env, DOCKER_BUILDKIT: "0", DOCKER_CONFIG: "/nonexistent-varve-test" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, "close")]);
  if (code !== 0) return said;
  return [...sent].map((path) => Buffer.from(path, "latin1").toString()).sort();
}

/** Docker sends these two in any case: the daemon needs them. */
const isForTheDaemon = (path: string): boolean => path === "Dockerfile" || path === ".dockerignore";

test(
  "B062 .dockerignore leaves of a context what docker leaves of it",
  { skip: unless("docker") },
  async () => {
    using directory = scratch("dockerignore");
    for (const file of files) {
      fs.mkdirSync(join(directory.path, dirname(file)), { recursive: true });
      fs.writeFileSync(join(directory.path, file), "");
    }
    await using daemon = await receiver();
    for (const content of ignoreFiles) {
      fs.writeFileSync(join(directory.path, ".dockerignore"), content);
      const matcher = ignoreMatcher(parseIgnore(content));
      const ours = files.filter(
        (file) => !isForTheDaemon(file) && !matcher.isIgnored(Buffer.from(file).toString("latin1")),
      );
      const theirs = await sentByDocker(directory.path, daemon.address, daemon.sent);
      assert.ok(Array.isArray(theirs), `${JSON.stringify(content)}: ${theirs}`);
      assert.deepEqual(
        ours.sort(),
        theirs.filter((path) => !isForTheDaemon(path)),
        JSON.stringify(content),
      );
    }
  },
);

test("B062 .dockerignore is refused where docker refuses it", { skip: unless("docker") }, async () => {
  using directory = scratch("dockerignore");
  fs.writeFileSync(join(directory.path, "Dockerfile"), "FROM scratch\n");
  await using daemon = await receiver();
  for (const content of ["[a", "[]a]", "x[", "[-a]", "[a-]", "foo\\", "!"]) {
    fs.writeFileSync(join(directory.path, ".dockerignore"), content);
    const theirs = await sentByDocker(directory.path, daemon.address, daemon.sent);
    assert.throws(
      () => ignoreMatcher(parseIgnore(content)),
      ({ message }: Error) => theirs.includes(message),
      `${JSON.stringify(content)}: docker says ${String(theirs)}`,
    );
  }
});
