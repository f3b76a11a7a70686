/** An engine that has a base image and builds on it. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { makeCgroup } from "../measure/cgroup.ts";
import type { DiskMaker } from "../measure/disk.ts";
import { run } from "../measure/program.ts";
import type { BuildCommand, Command, Peer, RunningPeer } from "../peers/types.ts";

export interface BuildEngineOptions {
  /** Name of the base image in the registry. */
  readonly base: string;
  readonly disks: DiskMaker;
  readonly signal: AbortSignal;
}

/** What a build took. */
export interface BuildTime {
  /** Milliseconds from start to exit of the command. */
  readonly command: number;
  /** Milliseconds of the `sync` after it: what it left unwritten. */
  readonly sync: number;
}

/** Disposing ends the engine and removes its disk. */
export class BuildEngine implements AsyncDisposable {
  readonly name: string;
  readonly #directory: string;
  readonly #running: RunningPeer;
  readonly #build: (options: BuildCommand) => Command;
  readonly #signal: AbortSignal;
  #owned = new AsyncDisposableStack();

  private constructor(
    name: string,
    directory: string,
    running: RunningPeer,
    build: (options: BuildCommand) => Command,
    signal: AbortSignal,
  ) {
    this.name = name;
    this.#directory = directory;
    this.#running = running;
    this.#build = build;
    this.#signal = signal;
  }

  /** Starts it and pulls the base image. @returns undefined if it builds nothing */
  static async start(
    peer: Peer,
    { base, disks, signal }: BuildEngineOptions,
  ): Promise<BuildEngine | undefined> {
    await using owned = new AsyncDisposableStack();
    const directory = join(owned.use(disks.make()).directory, "store");
    mkdirSync(directory);
    const cgroup = owned.use(makeCgroup(`${peer.name}-build`));
    const running = owned.use(await peer.start({ directory, cgroup, signal }));
    const { build, environment = {} } = running;
    if (build === undefined) return undefined;
    for (const command of running.pull(base)) await run(command, { signal, environment });
    const engine = new BuildEngine(peer.name, directory, running, build, signal);
    engine.#owned = owned.move();
    return engine;
  }

  async build(options: BuildCommand): Promise<BuildTime> {
    const { environment = {} } = this.#running;
    // Not killed: it would leave its mounts. A build is short.
    const patient = { signal: new AbortController().signal, environment };
    const built = await run(this.#build(options), patient);
    const synced = await run(["sync", "-f", this.#directory], patient);
    this.#signal.throwIfAborted();
    return { command: built.seconds * 1000, sync: synced.seconds * 1000 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}
