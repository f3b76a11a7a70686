/** The start of the bundled program, with what was compiled of it before and without. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux, type Scratch } from "../suites/scratch.ts";
import { bundle } from "./support.ts";

/** A program of its own, started by the bundle's own `varve.js`. */
function programThatPrints(words: string): Scratch & { readonly say: (words: string) => void } {
  const directory = scratch("start");
  fs.copyFileSync(bundle, join(directory.path, "varve.js"));
  const say = (text: string): void => {
    const code = `(function (url) { process.stdout.write(${JSON.stringify(text)}); })`;
    const digest = Buffer.from(text.padEnd(32, ".")).toString("hex").slice(0, 64);
    fs.writeFileSync(join(directory.path, "cli.js"), `//${digest}\n${code}\n`);
  };
  say(words);
  fs.writeFileSync(join(directory.path, "package.json"), '{"type":"module"}');
  return { path: directory.path, say, [Symbol.dispose]: () => directory[Symbol.dispose]() };
}

function start(directory: string, ...args: string[]): string {
  const { NODE_V8_COVERAGE, NODE_DISABLE_COMPILE_CACHE, ...env } = process.env;
  void NODE_V8_COVERAGE;
  void NODE_DISABLE_COMPILE_CACHE;
  return execFileSync(process.execPath, [join(directory, "varve.js"), ...args], { encoding: "utf8", env });
}

const kept = (directory: string): string[] => fs.readdirSync(join(directory, ".cache"));

test(
  "each command keeps what was compiled for it, and flags before it do not matter",
  { skip: unlessLinux },
  () => {
    using program = programThatPrints("one");
    for (let time = 0; time < 2; time++) assert.equal(start(program.path, "build", "."), "one");
    assert.equal(start(program.path, "--root", "/data", "--driver", "erofs", "build"), "one");
    assert.deepEqual(
      kept(program.path).map((name) => name.split("-").at(-1)),
      ["build"],
    );
    start(program.path, "pull", "image");
    assert.equal(kept(program.path).length, 2);
  },
);

test("another program of the same length gets nothing of it", { skip: unlessLinux }, () => {
  using program = programThatPrints("one");
  start(program.path, "build");
  program.say("two");
  assert.equal(start(program.path, "build"), "two");
  assert.equal(start(program.path, "build"), "two");
});

test("a long run adds what it has compiled beyond", { skip: unlessLinux }, () => {
  using program = programThatPrints("one");
  const functions = Array.from(
    { length: 50 },
    (_, i) => `function f${i}(x) { return x + "${i}".repeat(9); }`,
  );
  const calls = functions.map((_, i) => `f${i}("");`).join("");
  const body = `if (process.argv[3] === "all") { ${calls} performance.now = () => 60_000; }`;
  const code = `(function (url) { ${functions.join("")} ${body} })`;
  fs.writeFileSync(join(program.path, "cli.js"), `//${"0".repeat(64)}\n${code}\n`);
  const size = (): number => fs.statSync(join(program.path, ".cache", kept(program.path)[0] as string)).size;
  start(program.path, "build", "few");
  const few = size();
  start(program.path, "build", "all");
  const all = size();
  assert.ok(all > few * 1.05, `${few} and ${all} bytes`);
  start(program.path, "build", "few");
  assert.equal(size(), all);
});

test("what is damaged, or cannot be written, is done without", { skip: unlessLinux }, () => {
  using program = programThatPrints("one");
  start(program.path, "build");
  const [name = ""] = kept(program.path);
  const file = join(program.path, ".cache", name);
  const whole = fs.readFileSync(file);
  for (const bytes of [whole.subarray(0, 100), Buffer.alloc(whole.length), Buffer.alloc(0)]) {
    fs.writeFileSync(file, bytes);
    assert.equal(start(program.path, "build"), "one");
    assert.notDeepEqual(fs.readFileSync(file), bytes, "it is made anew");
  }
  fs.rmSync(join(program.path, ".cache"), { recursive: true });
  // Nobody can make a directory there, root neither.
  fs.writeFileSync(join(program.path, ".cache"), "");
  assert.equal(start(program.path, "build"), "one");
});

test("the bundle is plain ASCII and its first line names it", { skip: unlessLinux }, () => {
  const text = fs.readFileSync(join(dirname(bundle), "cli.js"), "latin1");
  assert.match(text.slice(0, 67), /^\/\/[0-9a-f]{64}\n$/);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(text, /[^\x00-\x7f]/);
});

test("the file of an --env-file is a container's, not this program's", { skip: unlessLinux }, () => {
  using program = programThatPrints("one");
  const file = join(program.path, "env");
  fs.writeFileSync(file, "NODE_OPTIONS=--require /nowhere.js\n");
  const PATH = `${dirname(process.execPath)}:${process.env["PATH"]}`;
  for (const path of [file, "/nowhere"]) {
    const words = ["run", "--env-file", path];
    const options = { encoding: "utf8", env: { ...process.env, PATH } } as const;
    assert.equal(execFileSync(join(program.path, "varve.js"), words, options), "one");
  }
});
