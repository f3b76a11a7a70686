/** `top`: what runs in a container, as this machine's `ps` shows it (moby, daemon/top_unix.go). */
import { execFile } from "node:child_process";
import { Failure } from "../../errors.ts";

export interface ProcessList {
  readonly Processes: readonly (readonly string[])[];
  readonly Titles: readonly string[];
}

/**
 * @param pids on the host
 * @param psArgs options of ps(1)
 * @throws Failure in Docker's words: `invalid` for options that give another column the name `PID`, `internal`
 */
export async function listProcesses(pids: readonly number[], psArgs: string): Promise<ProcessList> {
  checkOptions(psArgs);
  const options = psArgs.split(/\s+/).filter((word) => word !== "");
  // Not every ps knows -q, and not with all options.
  const output = await ps([...options, "-q", pids.join(",")]).catch(() => ps(options));
  return parse(output, new Set(pids));
}

function checkOptions(psArgs: string): void {
  for (const [, field = "", title = ""] of psArgs.matchAll(/\s+(\S*)=\s*(PID\S*)/g)) {
    if (field !== "pid") throw new Failure("invalid", `specifying "${field}=${title}" is not allowed`);
  }
}

function ps(options: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile("ps", options, { encoding: "utf8", maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
    if (error === null) return resolve(stdout);
    const [line = ""] = stderr.trim().split("\n");
    reject(new Failure("internal", `ps: ${line === "" ? error.message : line}`, { cause: error }));
  });
  return promise;
}

function parse(output: string, pids: ReadonlySet<number>): ProcessList {
  const [head = "", ...lines] = output.split("\n");
  const Titles = wordsOf(head);
  const column = Titles.indexOf("PID");
  if (column < 0) throw new Failure("internal", "Couldn't find PID field in ps output");
  const Processes = lines
    .map(wordsOf)
    .filter((words) => pids.has(Number(words[column])))
    .map((words) => {
      const last = Titles.length - 1;
      // The command has spaces.
      return words.length > last ? [...words.slice(0, last), words.slice(last).join(" ")] : words;
    });
  return { Processes, Titles };
}

function wordsOf(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== "");
}
