/** All that CI runs, in the order of speed: format, lint, types, bundle, tests. Stops at the first that fails. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const tool = (name: string): string => join(root, "node_modules/.bin", name);

const steps: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ["format", tool("prettier"), "--check", "--log-level=warn", "."],
  ["lint", tool("oxlint"), "--quiet", "src", "test", "bench", "scripts"],
  ["types", tool("tsc"), "-p", "."],
  ["bundle", process.execPath, "scripts/build.ts"],
  // One process for all files: a process per file costs ten times the CPU.
  [
    "tests",
    process.execPath,
    "--test",
    "--test-isolation=none",
    "--test-reporter=spec",
    ...process.argv.slice(2).filter((argument) => argument.startsWith("--")),
    ...(process.argv.slice(2).some((argument) => !argument.startsWith("--"))
      ? process.argv.slice(2).filter((argument) => !argument.startsWith("--"))
      : ["src/**/*.test.ts", "test/**/*.test.ts"]),
  ],
];

for (const [name, command, ...args] of steps) {
  const started = Date.now();
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) {
    console.error(`\n${name} failed`);
    process.exit(status ?? 1);
  }
  console.log(`${name}: ok (${((Date.now() - started) / 1000).toFixed(1)} s)`);
}
