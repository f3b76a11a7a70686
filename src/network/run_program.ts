/** A helper program to its end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Failure } from "../errors.ts";

export interface ProgramResult {
  readonly code: number;
  /** What it wrote to its standard output and error. */
  readonly output: string;
}

const maximumOutput = 65_536;

/**
 * The end is the program's exit, not that of its output: the name server which netavark starts inherits that.
 * @throws Failure("unavailable") if it cannot be started
 */
export async function runProgram(
  path: string,
  words: readonly string[],
  input: string,
): Promise<ProgramResult> {
  const child = spawn(path, words, { stdio: ["pipe", "pipe", "pipe"], env: environment(), cwd: "/" });
  let output = "";
  const keep = (text: string): void => {
    if (output.length < maximumOutput) output += text;
  };
  child.stdout.setEncoding("utf8").on("data", keep);
  child.stderr.setEncoding("utf8").on("data", keep);
  // A program that ends before it has read all breaks the pipe; its exit code says more.
  child.stdin.on("error", () => undefined).end(input);
  const ended = once(child, "exit") as Promise<[code: number | null, signal: string | null]>;
  const [code, signal] = await ended.catch((cause: NodeJS.ErrnoException) => {
    const hint = cause.code === "ENOENT" ? { hint: `install ${path}` } : {};
    throw new Failure("unavailable", `${path} cannot be started: ${cause.message}`, { cause, ...hint });
  });
  await new Promise(setImmediate);
  child.stdout.destroy();
  child.stderr.destroy();
  return { code: code ?? -1, output: signal === null ? output : `${output}killed by ${signal}` };
}

/** netavark looks for iptables in PATH, which a user's need not have. */
function environment(): NodeJS.ProcessEnv {
  const path = process.env["PATH"] ?? "";
  return { PATH: `${path}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin` };
}
