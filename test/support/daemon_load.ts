/** Clients of a daemon that is killed again and again: what they want of it, and what must have come of it. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KillableDaemon } from "./killable_daemon.ts";

/** Numbers that are the same in each run of a seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * Prints numbered lines to both streams until there is a file /stop; each 40th to stdout is of 100,000 bytes and each 25th
 * to stderr without an end.
 */
const writerScript = `
long=$(head -c 100000 /dev/zero | tr '\\0' x)
n=0
while [ ! -f /stop ]; do
  n=$((n+1))
  if [ $((n % 40)) = 0 ]; then echo "$n $long"; else echo "$n"; fi
  if [ $((n % 25)) = 0 ]; then printf "$n;" >&2; else echo "$n" >&2; fi
  if [ $((n % 10)) = 0 ]; then sleep 0.02; fi
done
printf "end $n"
exit 7`;

function writtenBy(count: number): { stdout: string; stderr: string } {
  const long = "x".repeat(100_000);
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  return {
    stdout: `${numbers.map((n) => (n % 40 === 0 ? `${n} ${long}\n` : `${n}\n`)).join("")}end ${count}`,
    stderr: numbers.map((n) => (n % 25 === 0 ? `${n};` : `${n}\n`)).join(""),
  };
}

interface State {
  readonly Running: boolean;
  readonly Restarting: boolean;
  readonly Status: string;
  readonly ExitCode: number;
  readonly Pid: number;
  readonly Error: string;
}

export class DaemonLoad {
  readonly #daemon: KillableDaemon;
  readonly #random: () => number;
  readonly #networks: boolean;
  /** Ids of all containers that the daemon has told of. */
  readonly ids = new Set<string>();
  /** Containers that nobody stops, and what they are to end with. */
  readonly #brief = new Map<string, number>();
  readonly #writers: string[] = [];
  /** Failures of the daemon, by what was asked for. */
  readonly complaints: string[] = [];
  readonly counts: Record<string, number> = {};
  #stopping = false;
  #serial = 0;

  constructor(daemon: KillableDaemon, options: { readonly seed: number; readonly networks: boolean }) {
    this.#daemon = daemon;
    this.#random = randomOf(options.seed);
    this.#networks = options.networks;
  }

  /** Containers that run through all kills, and one that is always started again. */
  async begin(writers: number): Promise<void> {
    for (let index = 0; index < writers; index++) {
      const HostConfig = { NetworkMode: this.#networks ? "bridge" : "none" };
      const { Id } = await this.#daemon.must<{ Id: string }>("POST", "/containers/create", {
        Image: "base:1",
        Cmd: ["sh", "-c", writerScript],
        HostConfig,
      });
      this.ids.add(Id);
      await this.#daemon.must("POST", `/containers/${Id}/start`);
      this.#writers.push(Id);
    }
  }

  /** Asks for one thing after the other until {@link stop}. */
  async client(): Promise<void> {
    const acts = [
      () => this.#runBriefly(),
      () => this.#runBriefly(),
      () => this.#runAndRemove(),
      () => this.#stopOne(),
      () => this.#exec(),
      () => this.#volume(),
      () => this.#forceRemove(),
      ...(this.#networks ? [() => this.#connect()] : []),
    ];
    while (!this.#stopping) await acts[Math.floor(this.#random() * acts.length)]?.();
  }

  stop(): void {
    this.#stopping = true;
  }

  /** All ends as it should. Nothing is left on the daemon then. */
  async settle(): Promise<void> {
    for (const id of this.#writers) await this.#endWriter(id);
    for (const [id, code] of this.#brief) await this.#endBrief(id, code);
    const all = await this.#daemon.must<
      { Id: string; Names: string[]; Labels: Record<string, string>; State: string }[]
    >("GET", "/containers/json?all=1");
    for (const { Id } of all) {
      this.ids.add(Id);
      await this.#daemon.must("DELETE", `/containers/${Id}?force=1&v=1`);
    }
    await this.#daemon.must("POST", "/networks/prune");
    await this.#daemon.must("POST", `/volumes/prune?filters=${encodeURIComponent('{"all":["true"]}')}`);
  }

  async #endWriter(id: string): Promise<void> {
    const { State: state } = await this.#daemon.must<{ State: State }>("GET", `/containers/${id}/json`);
    assert.equal(state.Status, "running", `writer ${id}: ${JSON.stringify(state)}`);
    writeFileSync(`/proc/${state.Pid}/root/stop`, "");
    const { StatusCode } = await this.#daemon.must<{ StatusCode: number }>("POST", `/containers/${id}/wait`);
    assert.equal(StatusCode, 7);
    const log = readFileSync(join(this.#daemon.root, "containers", id, `${id}-json.log`), "utf8");
    const lines = log
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as { log: string; stream: string });
    const of = (stream: string): string =>
      lines
        .filter((line) => line.stream === stream)
        .map((line) => line.log)
        .join("");
    const count = Number(/end (\d+)$/.exec(of("stdout"))?.[1]);
    this.#count("lines", count * 2);
    const written = writtenBy(count);
    assertSameText(of("stdout"), written.stdout);
    assertSameText(of("stderr"), written.stderr);
  }

  async #endBrief(id: string, code: number): Promise<void> {
    const { State: state } = await this.#daemon.must<{ State: State }>("GET", `/containers/${id}/json`);
    if (state.Status === "running") {
      const { StatusCode } = await this.#daemon.must<{ StatusCode: number }>(
        "POST",
        `/containers/${id}/wait`,
      );
      return assert.equal(StatusCode, code);
    }
    // Its start was never asked for, or came to nothing with the daemon.
    if (state.Status === "created") return this.#count("never started");
    assert.deepEqual([state.Status, state.ExitCode], ["exited", code], `${id}: ${JSON.stringify(state)}`);
    const log = join(this.#daemon.root, "containers", id, `${id}-json.log`);
    assert.match(existsSync(log) ? readFileSync(log, "utf8") : "", /^\{"log":"brief\\n".*\n$/, id);
    this.#count("brief ones ended");
  }

  async #create(script: string, body: object = {}): Promise<string | undefined> {
    const made = await this.#ask("POST", `/containers/create?name=c${this.#serial++}`, [201], {
      Image: "base:1",
      Cmd: ["sh", "-c", script],
      ...body,
      HostConfig: {
        NetworkMode: this.#networks && this.#random() < 0.3 ? "bridge" : "none",
        ...(body as { HostConfig?: object }).HostConfig,
      },
    });
    if (made === undefined) return undefined;
    const { Id } = JSON.parse(made) as { Id: string };
    this.ids.add(Id);
    return Id;
  }

  async #runBriefly(): Promise<void> {
    const code = Math.floor(this.#random() * 100);
    const id = await this.#create(`echo brief; ${this.#random() < 0.5 ? "sleep 0.2;" : ""} exit ${code}`);
    if (id === undefined) return;
    this.#brief.set(id, code);
    await this.#ask("POST", `/containers/${id}/start`, [204, 304]);
  }

  async #runAndRemove(): Promise<void> {
    const id = await this.#create("echo gone", { HostConfig: { AutoRemove: true } });
    if (id !== undefined) await this.#ask("POST", `/containers/${id}/start`, [204, 304, 404]);
  }

  async #stopOne(): Promise<void> {
    const RestartPolicy = { Name: this.#random() < 0.5 ? "always" : "no" };
    const id = await this.#create("trap 'exit 3' TERM; while :; do sleep 0.05; done", {
      HostConfig: { RestartPolicy },
    });
    if (id === undefined) return;
    await this.#ask("POST", `/containers/${id}/start`, [204, 304]);
    await this.#ask("POST", `/containers/${id}/stop?t=1`, [204, 304]);
    await this.#ask("DELETE", `/containers/${id}`, [204, 404, 409]);
  }

  async #exec(): Promise<void> {
    const id = this.#writers[0] as string;
    const made = await this.#ask("POST", `/containers/${id}/exec`, [201], {
      AttachStdout: true,
      Cmd: ["echo", "in"],
    });
    if (made === undefined) return;
    const { Id } = JSON.parse(made) as { Id: string };
    await this.#ask("POST", `/exec/${Id}/start`, [200, 404, 409], { Detach: this.#random() < 0.5 });
  }

  async #volume(): Promise<void> {
    const name = `v${this.#serial++}`;
    await this.#ask("POST", "/volumes/create", [201], { Name: name });
    const id = await this.#create("echo kept >/v/file", { HostConfig: { Binds: [`${name}:/v`] } });
    if (id === undefined) return;
    await this.#ask("POST", `/containers/${id}/start`, [204, 304]);
    await this.#ask("POST", `/containers/${id}/wait`, [200, 404]);
    await this.#ask("DELETE", `/containers/${id}?force=1`, [204, 404]);
    await this.#ask("DELETE", `/volumes/${name}`, [204, 404, 409]);
  }

  async #forceRemove(): Promise<void> {
    const id = await this.#create("sleep 1000", { Volumes: { "/anon": {} } });
    if (id === undefined) return;
    await this.#ask("POST", `/containers/${id}/start`, [204, 304]);
    await this.#ask("DELETE", `/containers/${id}?force=1&v=1`, [204, 404]);
  }

  async #connect(): Promise<void> {
    const name = `n${this.#serial++}`;
    // What was broken off before would use all addresses up.
    await this.#ask("POST", "/networks/prune", [200]);
    await this.#ask("POST", "/networks/create", [201], { Name: name });
    const Container = this.#writers[this.#writers.length - 1];
    await this.#ask("POST", `/networks/${name}/connect`, [200, 404], { Container });
    await this.#ask("POST", `/networks/${name}/disconnect`, [200, 404, 500], { Container, Force: true });
    await this.#ask("DELETE", `/networks/${name}`, [204, 403, 404]);
  }

  /** @returns the answer's text; undefined: the daemon went away, or refused */
  async #ask(
    method: string,
    path: string,
    good: readonly number[],
    body?: object,
  ): Promise<string | undefined> {
    const { status, text } = await this.#daemon.ask(method, path, body);
    const [, what = ""] = path.split("/");
    this.#count(status === 0 ? "broken off" : `${method} ${what}`);
    if (status !== 0 && !good.includes(status))
      this.complaints.push(`${method} ${path}: ${status} ${text.trim()}`);
    return status >= 200 && status < 300 ? text : undefined;
  }

  #count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }
}

/** A difference of megabytes is told by its place. */
function assertSameText(found: string, wanted: string): void {
  if (found === wanted) return;
  let at = 0;
  while (found[at] === wanted[at]) at++;
  const around = (text: string): string => JSON.stringify(text.slice(Math.max(0, at - 60), at + 60));
  assert.fail(
    `at ${at} of ${wanted.length} (${found.length} found): ${around(found)} instead of ${around(wanted)}`,
  );
}
