/** A process that was added to a running container: made by its shim, its streams in FIFOs of the bundle. */
import { mkdir, readdir, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { isFailure } from "../errors.ts";
import { makeFifo, openFifoReader, openFifoWriter } from "./fifo.ts";
import type { OciProcess } from "./oci_spec.ts";
import { runtimeFailure } from "./runtime_failure.ts";
import type { TaskExit, TaskService } from "./task_service.ts";

export interface ExecOptions {
  /** With a terminal its output is one stream. */
  readonly process: OciProcess;
  readonly stdin: boolean;
  /** Whether somebody takes what it prints; with a terminal or input he must in any case. */
  readonly output: boolean;
}

/** This process's ends of its FIFOs; undefined where there is none. */
export interface ExecStreams {
  readonly stdin: Socket | undefined;
  readonly stdout: Socket | undefined;
  readonly stderr: Socket | undefined;
}

interface ExecPlace {
  readonly service: TaskService;
  /** Of the container. */
  readonly id: string;
  readonly exec: string;
  readonly bundle: string;
}

const prefix = "exec-";

/** What nobody takes goes there by way of the shim, which without a path would open it for reading only. */
const devNull = "/dev/null";

/** Lifecycle: `create` → `start` → `wait` → `delete`, which has to be called after every `create` that succeeded. */
export class ExecTask {
  readonly streams: ExecStreams;
  readonly #place: ExecPlace;

  private constructor(place: ExecPlace, streams: ExecStreams) {
    this.#place = place;
    this.streams = streams;
  }

  /** Undoes everything when it fails. @throws {Failure} in Docker's words */
  static async create(place: ExecPlace, options: ExecOptions): Promise<ExecTask> {
    const { service, id, exec } = place;
    const directory = directoryOf(place);
    const terminal = options.process.terminal === true;
    // A shim that copies anything wants both outputs (containerd 1.6, pkg/process/io.go, `copyPipes`).
    const copies = options.stdin || options.output;
    const wanted = {
      stdin: options.stdin,
      stdout: copies || terminal,
      stderr: copies && !terminal,
    };
    const path = (name: keyof typeof wanted): string => (wanted[name] ? join(directory, name) : "");
    const unread = copies || terminal ? {} : { stdout: devNull, stderr: devNull };
    let streams: ExecStreams | undefined;
    try {
      await mkdir(directory, { mode: 0o700 });
      for (const name of ["stdin", "stdout", "stderr"] as const) if (wanted[name]) makeFifo(path(name));
      streams = {
        stdin: wanted.stdin ? openFifoWriter(path("stdin")) : undefined,
        stdout: wanted.stdout ? openFifoReader(path("stdout")) : undefined,
        stderr: wanted.stderr ? openFifoReader(path("stderr")) : undefined,
      };
      const paths = { stdin: path("stdin"), stdout: path("stdout"), stderr: path("stderr"), ...unread };
      await service.exec(id, exec, { terminal, ...paths, process: options.process });
      return new ExecTask(place, streams);
    } catch (error) {
      destroy(streams);
      await rm(directory, { recursive: true, force: true });
      throw runtimeFailure("start", error);
    }
  }

  /** One that somebody else has made. Its output is ours from now on; its input stays closed. */
  static reconnect(place: ExecPlace): ExecTask {
    const open = (name: string): Socket | undefined => {
      try {
        return openFifoReader(join(directoryOf(place), name));
      } catch {
        return undefined;
      }
    };
    return new ExecTask(place, { stdin: undefined, stdout: open("stdout"), stderr: open("stderr") });
  }

  /** Runs it. @returns its process id on the host @throws {Failure} in Docker's words */
  async start(): Promise<number> {
    const { service, id, exec } = this.#place;
    try {
      return await service.start(id, exec);
    } catch (error) {
      throw runtimeFailure("start", error);
    }
  }

  async wait(): Promise<TaskExit> {
    return this.#place.service.wait(this.#place.id, this.#place.exec);
  }

  async kill(signal: number): Promise<void> {
    await this.#place.service.kill(this.#place.id, signal, false, this.#place.exec);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#place.service.resize(this.#place.id, columns, rows, this.#place.exec);
  }

  /** After the end of `streams.stdin`: the shim holds the FIFO open, too. */
  async closeInput(): Promise<void> {
    await this.#place.service.closeInput(this.#place.id, this.#place.exec);
  }

  /** Takes the ended (or never started) process and its FIFOs away. */
  async delete(): Promise<void> {
    destroy(this.streams);
    try {
      await this.#place.service.delete(this.#place.id, this.#place.exec);
    } catch (error) {
      // The container has gone, and all of its processes with it.
      if (!isFailure(error, "unavailable") && !isFailure(error, "not-found")) throw error;
    }
    await rm(directoryOf(this.#place), { recursive: true, force: true });
  }

  /** Leaves it to run, for the next supervisor to find. */
  release(): void {
    destroy(this.streams);
  }
}

/** Names of those that have files in a bundle. */
export async function listExecs(bundle: string): Promise<string[]> {
  const names = await readdir(bundle).catch(() => []);
  return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

function directoryOf({ bundle, exec }: ExecPlace): string {
  return join(bundle, `${prefix}${exec}`);
}

function destroy(streams: ExecStreams | undefined): void {
  streams?.stdin?.destroy();
  streams?.stdout?.destroy();
  streams?.stderr?.destroy();
}
