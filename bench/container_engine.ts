/** An engine that has an image and starts containers of it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCgroup } from "./measure/cgroup.ts";
import type { DiskMaker } from "./measure/disk.ts";
import { type ProgramOptions, run } from "./measure/program.ts";
import { openShell, type Shell } from "./measure/shell.ts";
import type { Command, Peer } from "./peers/types.ts";

export interface ContainerEngineOptions {
  /** Name of the image in the registry. */
  readonly reference: string;
  readonly disks: DiskMaker;
  readonly signal: AbortSignal;
}

interface When {
  /** With nothing in the kernel's caches, of the engine's own program neither. */
  readonly cold?: boolean;
}

/** Disposing ends its containers and the engine, and removes its disk. */
export class ContainerEngine implements AsyncDisposable {
  readonly name: string;
  readonly #directory: string;
  readonly #program: ProgramOptions;
  readonly #inside: (command: Command) => Command;
  #owned = new AsyncDisposableStack();
  #shell: Shell | undefined;

  private constructor(
    name: string,
    directory: string,
    program: ProgramOptions,
    inside: (command: Command) => Command,
  ) {
    this.name = name;
    this.#directory = directory;
    this.#program = program;
    this.#inside = inside;
  }

  /** Starts it and pulls the image. @returns undefined if it runs no containers */
  static async start(peer: Peer, options: ContainerEngineOptions): Promise<ContainerEngine | undefined> {
    const { disks, reference, signal } = options;
    await using owned = new AsyncDisposableStack();
    const directory = join(owned.use(disks.make()).directory, "store");
    mkdirSync(directory);
    const cgroup = owned.use(makeCgroup(`${peer.name}-run`));
    const running = owned.use(await peer.start({ directory, cgroup, signal }));
    const inside = running.run;
    if (inside === undefined) return undefined;
    const program = { cgroup, signal, environment: running.environment ?? {} };
    for (const command of running.pull(reference)) await run(command, program);
    const ofImage = (command: Command): Command => inside(reference, command);
    const engine = new ContainerEngine(peer.name, directory, program, ofImage);
    owned.defer(() => engine.closeShell());
    engine.#owned = owned.move();
    return engine;
  }

  /** Runs a container that does nothing. @returns the seconds until it was removed again */
  async start({ cold }: When = {}): Promise<number> {
    if (cold === true) await this.#dropCaches();
    // Killed, it would leave its container.
    const patient = { ...this.#program, signal: new AbortController().signal };
    const { seconds } = await run(this.#inside(["/bin/true"]), patient);
    this.#program.signal.throwIfAborted();
    return seconds;
  }

  /** Runs a line in the shell of a container that stays. @returns the seconds that it took */
  async read(line: string, { cold }: When = {}): Promise<number> {
    const shell = await this.#openShell();
    if (cold === true) await this.#dropCaches();
    return shell.ask(line);
  }

  async closeShell(): Promise<void> {
    await this.#shell?.[Symbol.asyncDispose]();
    this.#shell = undefined;
  }

  async #openShell(): Promise<Shell> {
    if (this.#shell !== undefined) return this.#shell;
    this.#shell = openShell(this.#inside(["/bin/sh"]), this.#program);
    // Also waits until it is up.
    await this.#shell.ask("export PATH=/bin");
    return this.#shell;
  }

  /** What is not yet written would stay. */
  async #dropCaches(): Promise<void> {
    await run(["sync", "-f", this.#directory], this.#program);
    writeFileSync("/proc/sys/vm/drop_caches", "3");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }
}
