/** The daemon as a process of its own, to be killed and started again on the same root, and a client of it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { openEngine } from "../../src/engine/index.ts";
import { mountInfo, unmount } from "../../src/sys/index.ts";
import { scratch } from "../suites/scratch.ts";
import { endAll, importBase } from "./live_machine.ts";

export interface Reply {
  /** 0: the daemon went away before it answered. */
  readonly status: number;
  readonly text: string;
}

export interface KillableDaemon extends AsyncDisposable {
  readonly root: string;
  readonly socket: string;
  /** A place for the test's own files. */
  readonly directory: string;
  readonly child: ChildProcess;
  /** Resolves when it listens. @throws with its last words if it ends before */
  start(): Promise<void>;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Asks it to end. @returns its exit code */
  terminate(): Promise<number | null>;
  /** What it has said. */
  said(): string;
  ask(method: string, path: string, body?: object): Promise<Reply>;
  /** Fails unless the answer is one of 2xx or 304. */
  must<T = Record<string, unknown>>(method: string, path: string, body?: object): Promise<T>;
}

/**
 * Starts the program on a root with `base:1`.
 * @param program the words before `--root`
 */
export async function killableDaemon(
  program: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<KillableDaemon> {
  const { path: directory, ...rest } = scratch("killed");
  const [root, socket, output] = ["root", "s", "said"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const settings = join(directory, "daemon.json");
  writeFileSync(settings, "{}");
  await importBase({ engine: await openEngine({ root, driver: "overlay2" }) });
  const words = [...program, "--root", root, "--driver", "overlay2", "daemon", "-H", `unix://${socket}`];
  let child: ChildProcess | undefined;
  const ended = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? null;
    const closed = once(child, "close");
    child.kill(signal);
    return ((await closed) as [number | null])[0];
  };
  const said = (): string => (existsSync(output) ? readFileSync(output, "utf8") : "");
  const ask = (method: string, path: string, body?: object): Promise<Reply> =>
    askOn(socket, method, path, body);
  const daemon: KillableDaemon = {
    root,
    socket,
    directory,
    get child() {
      return child as ChildProcess;
    },
    start: async () => {
      // A file: a daemon that is killed takes nothing along that was said.
      const to = openSync(output, "a");
      child = spawn(words[0] as string, [...words.slice(1), "--config-file", settings], {
        stdio: ["ignore", to, to],
        env: { ...process.env, ...environment },
      });
      closeSync(to);
      while ((await ask("GET", "/_ping")).status !== 200)
        if (child.exitCode !== null) throw new Error(`it ended and said ${said().slice(-2000)}`);
    },
    kill: async () => void (await ended("SIGKILL")),
    terminate: () => ended("SIGTERM"),
    said,
    ask,
    must: async (method, path, body) => {
      const reply = await ask(method, path, body);
      if (reply.status < 200 || reply.status > 304)
        throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
      return (reply.text === "" ? undefined : JSON.parse(reply.text)) as never;
    },
    [Symbol.asyncDispose]: async () => {
      await ended("SIGKILL");
      endAll(root);
      for (const { pid } of processesOf(root)) endProcess(pid);
      for (const { mountPoint } of mountInfo())
        if (mountPoint.startsWith(`${root}/`)) unmount(mountPoint, { detach: true });
      rest[Symbol.dispose]();
    },
  };
  await daemon.start();
  return daemon;
}

async function askOn(socketPath: string, method: string, path: string, body?: object): Promise<Reply> {
  const headers = { "Content-Type": "application/json" };
  try {
    const client = request({ socketPath, method, path: `/v1.41${path}`, headers, agent: false });
    client.end(body === undefined ? undefined : JSON.stringify(body));
    const [message] = (await once(client, "response")) as [IncomingMessage];
    return { status: message.statusCode ?? 0, text: await text(message) };
  } catch {
    // Pause, so that whoever asks again does not keep the machine from starting it.
    await new Promise((resolve) => void setTimeout(resolve, 20));
    return { status: 0, text: "" };
  }
}

/** All that could be left of containers under a root: processes, mounts, FIFOs, runs, locks held, control groups. */
export function tracesOf(root: string, ids: readonly string[]): string[] {
  return [
    ...processesOf(root).map(({ text }) => text),
    ...mountInfo().flatMap(({ mountPoint }) =>
      mountPoint.startsWith(`${root}/`) ? [`mount ${mountPoint}`] : [],
    ),
    ...filesOf(root),
    ...ids.flatMap(cgroupsOf),
  ].sort();
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

function processesOf(root: string): { readonly pid: number; readonly text: string }[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
      const place = readlinkSync(`/proc/${pid}/cwd`);
      return words.includes(root) || place.startsWith(root)
        ? [{ pid: Number(pid), text: `process ${words} in ${place}` }]
        : [];
    } catch {
      return [];
    }
  });
}

/** What runs and containers have of their own, but for the empty files that are a mount's locks; FIFOs anywhere. */
function filesOf(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    const shown = path.slice(root.length + 1);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFIFO()) return [`fifo ${shown}`];
    return /^(containers|overlay2|overlay2\/l|volumes|image\/overlay2\/layerdb\/mounts|varve\/(run|locks|network\/namespaces|network\/netavark\/aardvark-dns))\/[^/]+$/.test(
      shown,
    )
      ? [shown]
      : [];
  });
}

function cgroupsOf(id: string): string[] {
  const roots = ["/sys/fs/cgroup", ...readdirSync("/sys/fs/cgroup").map((name) => `/sys/fs/cgroup/${name}`)];
  return roots.map((at) => `${at}/varve-${id}`).filter((path) => existsSync(path));
}
