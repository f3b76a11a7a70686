/** The program git, cut off from settings, hooks and prompts (buildkit, util/gitutil/git_cli.go). */
import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { cancelled } from "../../../bytes/index.ts";
import { Failure } from "../../../errors.ts";

const inherited = [
  "PATH",
  "SSH_AUTH_SOCK",
  "GIT_SSH_COMMAND",
  ...["http_proxy", "https_proxy", "no_proxy", "all_proxy"].flatMap((name) => [name, name.toUpperCase()]),
];

function environment(): Record<string, string> {
  const passed = inherited.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    // Never ask: nobody may be there. Keys come from the agent.
    GIT_SSH_COMMAND: "ssh -o BatchMode=yes",
    ...Object.fromEntries(passed),
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "true",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    HOME: "/dev/null",
    LC_ALL: "C",
  };
}

/** Settings of every call. What is in a repository runs nothing and reads no other repository of this machine. */
const settings = [
  "core.hooksPath=/dev/null",
  // git passes on to submodules that they do not come from the user (CVE-2022-39253).
  "protocol.file.allow=user",
  "protocol.ext.allow=never",
  "core.fsmonitor=false",
  "advice.detachedHead=false",
  "init.defaultBranch=master",
].flatMap((setting) => ["-c", setting]);

/** Runs git in `directory`; the end of its standard output. Throws `Failure("unavailable")` with what git said. */
export async function runGit(
  directory: string,
  args: readonly string[],
  { signal }: { readonly signal: AbortSignal },
): Promise<string> {
  if (signal.aborted) throw cancelled(signal);
  const child = spawn("git", [...settings, ...args], {
    cwd: directory,
    env: environment(),
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, because git leaves helpers that hold the connection.
    detached: true,
  });
  const stop = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    const ended = new Promise<number | null>((resolve, reject) =>
      child.once("error", reject).once("close", resolve),
    );
    const [code, stdout, stderr] = await Promise.all([ended, endOf(child.stdout), endOf(child.stderr)]);
    if (signal.aborted) throw cancelled(signal);
    if (code === 0) return stdout;
    throw new Failure(
      "unavailable",
      `git ${args[0]}: ${withoutPasswords(stderr.trim()) || `exit code ${code}`}`,
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Failure("unsupported", "git was not found in PATH", {
      cause: error,
      hint: "Install it: apt-get install git",
    });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Bytes of a stream that are kept: git passes on all that the other side says, without end if it likes. */
const kept = 1 << 16;

/** The end of what a program says. */
async function endOf(stream: Readable): Promise<string> {
  let end = Buffer.alloc(0);
  for await (const chunk of stream) end = Buffer.concat([end, chunk as Buffer]).subarray(-kept);
  return end.toString();
}

/** `https://user:password@host` in the text as `https://xxxxx@host`. */
export function withoutPasswords(message: string): string {
  return message.replace(/(:\/\/)[^/@\s]+@/g, "$1xxxxx@");
}
