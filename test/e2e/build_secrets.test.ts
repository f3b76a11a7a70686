/** Secrets of a build: the command sees them, and nothing else ever does. */
import assert from "node:assert/strict";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { makeBench, runSkip, type Bench, type Outcome } from "./support.ts";

const options = { skip: runSkip, timeout: 60_000 };

/** Neither occurs anywhere by chance. */
const inFile = "file-4c1f7e0a9b";
const inVariable = "variable-77d0c2e851";

const dockerfile = (port: number): string => `FROM base:1
RUN --mount=type=secret,id=file --mount=type=secret,id=variable,env=TOKEN,target=/token \\
    --mount=type=secret,id=file,target=/etc/deep/secret,mode=0444 --mount=type=cache,target=/cache \\
    [ "$(cat /run/secrets/file)" = "$(cat /etc/deep/secret)" ] && [ "$(cat /token)" = "$TOKEN" ] && \\
    cat /run/secrets/file /token | busybox wc -c > /seen && \\
    { busybox nc 127.0.0.1 ${port} < /dev/null > /dev/null; true; }
`;

/** Files on the disk of `directory`, below it, that hold one of the words, names included. */
function filesWith(directory: string, ...words: string[]): string[] {
  const found: string[] = [];
  const { dev } = fs.statSync(directory);
  const onDisk = (path: string): boolean => fs.lstatSync(path, { throwIfNoEntry: false })?.dev === dev;
  for (const entry of fs.readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const bytes = entry.isFile() && onDisk(path) ? (readIfThere(path) ?? Buffer.alloc(0)) : Buffer.alloc(0);
    if (words.some((word) => bytes.includes(word) || path.includes(word))) found.push(path);
  }
  return found;
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return fs.readFileSync(path);
  } catch {
    return undefined;
  }
}

/** Command lines of this machine's processes that hold the word. */
function commandLinesWith(word: string): string[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readIfThere(`/proc/${name}/cmdline`)?.toString() ?? "")
    .filter((line) => line.includes(word));
}

/** Calls `look` while the command waits for an answer from the port. */
async function whileItRuns(look: () => void): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket: Socket) => {
    look();
    socket.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

function build({ varve, path }: Bench, ...args: string[]): Promise<Outcome> {
  const secrets = [
    "--secret",
    `id=file,src=${join(path, "secret")}`,
    "--secret",
    "id=variable,env=THE_TOKEN",
  ];
  const flags = ["--network", "host", "--progress", "plain", "-t", "result:1", ...secrets, ...args];
  return varve.run(["build", ...flags, join(path, "context")], { env: { THE_TOKEN: inVariable } });
}

test("secrets reach no layer, history, key, log, command line or file of the root", options, async () => {
  await using bench = await makeBench("build-secrets");
  const { root, path, varve } = bench;
  let looked = 0;
  const seen: string[] = [];
  await using gate = await whileItRuns(() => {
    looked++;
    seen.push(...filesWith(root, inFile), ...commandLinesWith(inFile), ...commandLinesWith(inVariable));
  });
  fs.mkdirSync(join(path, "context"));
  fs.writeFileSync(join(path, "context/Dockerfile"), dockerfile(gate.port));
  fs.writeFileSync(join(path, "secret"), inFile);
  const first = await build(
    bench,
    "--metadata-file",
    join(path, "metadata"),
    "--cache-to",
    `type=local,dest=${join(path, "cache")},mode=max`,
  );
  assert.equal(first.code, 0, first.stderr);
  assert.equal(looked, 1);
  assert.deepEqual(seen, [], "while the command runs");
  assert.equal(
    await varve("run", "--rm", "--network", "none", "result:1", "cat", "/seen"),
    String(inFile.length + inVariable.length),
  );
  const listed = await varve("run", "--rm", "--network", "none", "result:1", "ls", "/etc", "/");
  assert.doesNotMatch(listed, /token|deep|cache/, "places of mounts are no changes");

  const words = [inFile, inVariable];
  const everywhere = (): string[] => [
    ...filesWith(root, ...words),
    ...filesWith(join(path, "cache"), ...words),
  ];
  assert.deepEqual(everywhere(), []);
  await varve("save", "-o", join(path, "saved.tar"), "result:1");
  const told = [
    first.stdout,
    first.stderr,
    fs.readFileSync(join(path, "metadata"), "utf8"),
    fs.readFileSync(join(path, "saved.tar"), "latin1"),
    await varve("history", "--no-trunc", "result:1"),
    await varve("image", "inspect", "result:1"),
    await varve("builder", "du", "--json"),
  ].join("\n");
  for (const word of words) assert.ok(!told.includes(word), word);

  // Another value is no other step: what a secret is must not be guessed from what is built again.
  fs.writeFileSync(join(path, "secret"), "another");
  assert.match((await build(bench)).stderr, /^#2 CACHED$/m);
  assert.equal(looked, 1);
});

test("secrets of a build that fails or is killed stay nowhere", options, async () => {
  await using bench = await makeBench("build-secrets");
  const { root, path, varve } = bench;
  fs.mkdirSync(join(path, "context"));
  fs.writeFileSync(join(path, "secret"), inFile);
  const write = (command: string): void =>
    fs.writeFileSync(
      join(path, "context/Dockerfile"),
      `FROM base:1\nRUN --mount=type=secret,id=file --mount=type=secret,id=variable,env=TOKEN ${command}\n`,
    );
  write("cat /run/secrets/file > /copied-by-mistake; exit 3");
  const failed = await build(bench);
  assert.equal(failed.code, 1, failed.stderr);
  assert.ok(!failed.stderr.includes(inFile));
  assert.deepEqual(filesWith(root, inFile, inVariable), []);

  let child: ReturnType<typeof varve.start> | undefined;
  await using gate = await whileItRuns(() => child?.kill("SIGKILL"));
  write(`busybox nc 127.0.0.1 ${gate.port} < /dev/null; cat`);
  const secrets = [
    "--secret",
    `id=file,src=${join(path, "secret")}`,
    "--secret",
    "id=variable,env=THE_TOKEN",
  ];
  child = varve.start(["build", "--network", "host", ...secrets, join(path, "context")], {
    env: { THE_TOKEN: inVariable },
  });
  child.stderr?.resume();
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, null);
  assert.deepEqual(filesWith(root, inFile), [], "a file is never on the disk");
  await varve("ps");
  assert.deepEqual(filesWith(root, inFile, inVariable), [], "the next command takes the rest away");
});
