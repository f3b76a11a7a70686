/**
 * All that CI runs: lint, types, dead code, bundle, then tests; the first that fails is the end. The format is looked at
 * beside all that, since it takes longer than the four and needs one core only.
 * Arguments are test files to run alone, or flags for the test runner.
 */
import { spawn } from "node:child_process";
import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const tool = (name: string): string => join(root, "node_modules/.bin", name);

type Check = readonly [name: string, command: string, ...args: string[]];

const format: Check = ["format", tool("prettier"), "--check", "--log-level=warn", "."];

/** In the order of speed. */
const checks: readonly Check[] = [
  ["lint", tool("oxlint"), "--quiet", "src", "test", "bench", "scripts"],
  ["types", tool("tsc"), "-p", "."],
  ["dead code", tool("knip")],
  ["bundle", process.execPath, "scripts/build.ts"],
];

const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/** Whether it passes, which is said as well. */
async function passes([name, command, ...args]: Check): Promise<boolean> {
  const started = Date.now();
  const child = spawn(command, args, { cwd: root, stdio: "inherit" });
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  if (status !== 0) console.error(`\n${name} failed`);
  else console.log(`${name}: ok (${seconds(started)})`);
  return status === 0;
}

interface Group {
  readonly name: string;
  readonly files: readonly string[];
}

/** One process for all test files of a folder: a process a file costs ten times the CPU. */
function groups(): Group[] {
  const byName = new Map<string, string[]>();
  for (const file of globSync("{src,test}/**/*.test.ts", { cwd: root }).sort()) {
    const [top, folder = ""] = file.split("/");
    // The end-to-end tests start daemons: a process each, so that one left-over does not hold up the others.
    const name = top === "test" || folder.endsWith(".ts") ? file : `src/${folder}`;
    byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  return [...byName].map(([name, files]) => ({ name, files }));
}

interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** A test that takes longer than this hangs; milliseconds. */
const testTimeout = 180_000;

/** Of a group; what is left of a test that hangs must not hold up all others for ever. Milliseconds. */
const groupTimeout = 480_000;

/** What takes longer is named, so that it is known where the time goes; milliseconds. */
const slowTest = 4000;

/**
 * Of what Node compiled, for the next process that imports the same file: to strip its types again is a third of the CPU
 * of a short one, and tests start many.
 */
const compileCache = join(root, "node_modules/.cache/varve-tests");

/** Of the groups' processes, before the tests. */
const preload = ["--import", join(root, "test/support/fixed_seed.ts")];

/** What the caller sets goes before it. */
const env = { NODE_COMPILE_CACHE: compileCache, ...process.env };

async function runGroup({ name, files }: Group, flags: readonly string[]): Promise<Outcome> {
  const started = Date.now();
  const limit = `--test-timeout=${testTimeout}`;
  const args = [
    "--test",
    "--test-isolation=none",
    "--test-reporter=spec",
    limit,
    ...preload,
    ...flags,
    ...files,
  ];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: groupTimeout,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk));
  const status = await new Promise<number>((resolve) => child.on("close", (code) => resolve(code ?? 1)));
  const count = (word: string): number =>
    Number(new RegExp(`^ℹ ${word} (\\d+)$`, "m").exec(output)?.[1] ?? 0);
  const [passed, skipped] = [count("pass"), count("skipped")];
  const failed = count("fail") + count("cancelled");
  const skips = [...output.matchAll(/^\s*﹣ (.*)$/gm)].map(([, title]) => `  skipped: ${title}`);
  // A suite that is skipped whole is in no count.
  const silent = passed + failed + skipped + skips.length === 0;
  if (status !== 0 || failed > 0 || silent) console.log(`\n${output}`);
  const slow = [...output.matchAll(/^\s*✔ (.*) \((\d+)\.\d+ms\)$/gm)]
    .filter(([, , milliseconds]) => Number(milliseconds) > slowTest)
    .map(([, title, milliseconds]) => `  slow: ${title} (${(Number(milliseconds) / 1000).toFixed(1)} s)`);
  console.log(
    [`${name}: ${passed} passed, ${failed} failed (${seconds(started)})`, ...slow, ...skips].join("\n"),
  );
  return { passed, skipped, failed: status === 0 && !silent ? failed : Math.max(1, failed) };
}

/** Runs all groups, twice as many at once as there are cores, since all wait for the disk now and then, and returns their sum. */
async function runTests(todo: Group[], flags: readonly string[]): Promise<Outcome> {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const runner = async (): Promise<void> => {
    for (let group = todo.shift(); group !== undefined; group = todo.shift()) {
      const outcome = await runGroup(group, flags);
      total.passed += outcome.passed;
      total.failed += outcome.failed;
      total.skipped += outcome.skipped;
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, 2 * availableParallelism()) }, runner));
  return total;
}

const words = process.argv.slice(2);
const flags = words.filter((word) => word.startsWith("-"));
const files = words.filter((word) => !word.startsWith("-"));
const formatted = passes(format);
for (const check of checks) if (!(await passes(check))) process.exit(1);
const total = await runTests(
  files.length > 0 ? files.map((file) => ({ name: file, files: [file] })) : groups(),
  flags,
);
const isFormatted = await formatted;
const sum = `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`;
console.log(`\n${sum}${isFormatted ? "" : "; format failed: npm run format"}`);
process.exitCode = total.failed > 0 || total.passed === 0 || !isFormatted ? 1 : 0;
