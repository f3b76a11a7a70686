/**
 * Starts the bundled program with what was compiled of it when the same command ran before: a short command would spend a
 * third of its time on compiling the same functions again. (Node's own compile cache keeps what is compiled before
 * anything runs, which leaves out nearly all of them.)
 */
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Script } from "node:vm";

/** What `scripts/build.ts` makes: a comment with the digest of the rest, and a function. */
const file = join(import.meta.dirname, "cli.js");

/** A server that stays is spared the rest of the program. */
async function serve(words: readonly string[]): Promise<number | undefined> {
  if (words[0] !== "registry" || words[1] !== "serve") return undefined;
  return (await import("./registry_server.ts")).serveRegistry(words);
}

const code = await serve(process.argv.slice(2));
if (code === undefined) startProgram();
else process.exitCode = code;

function startProgram(): void {
  // The bundler writes ASCII only.
  const source = readFileSync(file, "latin1");
  /** V8 itself knows a source by its length only, so the cache is found by the digest in what was read. */
  const digest = source.slice(2, 34);
  const cache = join(
    dirname(file),
    ".cache",
    `${digest}-${process.version}-${process.arch}-${commandWord()}`,
  );
  const cachedData = isWanted() ? readCache(cache) : undefined;
  const script = new Script(source, { filename: file, ...(cachedData && { cachedData }) });
  if (isWanted()) process.once("exit", (code) => code === 0 && keep(script, cache, cachedData));
  // When nothing is left to do, what the engine would take apart goes with the process just as well, and sooner.
  process.once("beforeExit", () => process.exit());
  // What the bundle requires is a file beside it; a script has no `import` of its own.
  const require = (name: string): unknown => createRequire(import.meta.url)(name);
  (script.runInThisContext() as (url: string, load: typeof require) => void)(import.meta.url, require);
}

/** Coverage needs functions as they are in the source. */
function isWanted(): boolean {
  const { NODE_V8_COVERAGE, NODE_DISABLE_COMPILE_CACHE } = process.env;
  return NODE_V8_COVERAGE === undefined && NODE_DISABLE_COMPILE_CACHE === undefined;
}

/**
 * Mostly the command: each uses other functions, and all of them would take longer to load than to compile the few that
 * one needs. A wrong guess costs some milliseconds.
 */
function commandWord(): string {
  const words = process.argv.slice(2);
  const isValue = (index: number): boolean => /^--?[a-z-]+$/.test(words[index - 1] ?? "");
  return words.find((word, index) => /^[a-z]{1,20}$/.test(word) && !isValue(index)) ?? "none";
}

function readCache(cache: string): Buffer | undefined {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

/** Milliseconds. A long run may have compiled more than those before, and has the time for a look: 10 ms. */
const longRun = 500;

function keep(script: Script, cache: string, cachedData: Buffer | undefined): void {
  const known = script.cachedDataRejected === false ? (cachedData?.length ?? 0) : 0;
  if ((known > 0 && performance.now() < longRun) || !mayWrite(cache)) return;
  const data = script.createCachedData();
  if (data.length > known * 1.05) writeCache(cache, data);
}

function mayWrite(cache: string): boolean {
  try {
    mkdirSync(dirname(cache), { recursive: true });
    accessSync(dirname(cache), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Beside the program, by whoever may write there: it is as much to be trusted. Flushed, since V8 trusts what it reads. */
function writeCache(cache: string, data: Buffer): void {
  const temporary = `${cache}.${process.pid}`;
  try {
    const fd = openSync(temporary, "wx", 0o644);
    try {
      writeFileSync(fd, data);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, cache);
  } catch {
    rmSync(temporary, { force: true });
  }
}
