/** One process beside a container's first: made, run, ended; each once. */
import { setTimeout } from "node:timers/promises";
import { Failure, isFailure } from "../../../errors.ts";
import { exitCodeOfFailure, type ExecTask, type TaskExit } from "../../../runtime/index.ts";
import type { ContainerRecord } from "../../containers/record.ts";
import { ContainerStreams, type Attachment, type AttachStreams } from "../container_streams.ts";
import type { ContainerRun } from "../run.ts";
import type { ExecConfig, ExecInspect } from "./exec_config.ts";
import { ExecOutput } from "./exec_output.ts";
import { execProcess, type ConsoleSize } from "./exec_process.ts";

/** Milliseconds that output has to come to its end after the process has: something else may hold it open. Docker's, too. */
const outputPatience = 2000;

/** What a process is said to have ended with that went with its container. */
const killed = 137;

export interface ExecStart {
  readonly run: ContainerRun;
  readonly bundle: string;
  /** Undefined: nobody attaches. */
  readonly streams?: AttachStreams;
  readonly size?: ConsoleSize;
  /** It has ended; not told where its supervisor left it. */
  readonly onEnd: (exitCode: number) => void;
}

export class Exec {
  readonly id: string;
  readonly record: ContainerRecord;
  readonly config: ExecConfig;
  /** Of the container, when this was made. */
  readonly run: ContainerRun | undefined;
  /** Whether a client was attached that has not asked yet how it ended. */
  isAwaited = false;
  /** Milliseconds since 1970. */
  endedAt: number | undefined;
  #state: "created" | "running" | "ended" = "created";
  #exitCode: number | null = null;
  #pid = 0;
  #task: ExecTask | undefined;

  constructor(id: string, record: ContainerRecord, config: ExecConfig, run: ContainerRun | undefined) {
    this.id = id;
    this.record = record;
    this.config = config;
    this.run = run;
  }

  get isNew(): boolean {
    return this.#state === "created";
  }

  get isEnded(): boolean {
    return this.#state === "ended";
  }

  get exitCode(): number | null {
    return this.#exitCode;
  }

  inspect(): ExecInspect {
    const { Cmd, Tty, Privileged, User, AttachStdin, AttachStderr, AttachStdout, DetachKeys } = this.config;
    return {
      ID: this.id,
      Running: this.#state === "running",
      ExitCode: this.#exitCode,
      ProcessConfig: {
        tty: Tty,
        entrypoint: Cmd[0] as string,
        arguments: Cmd.slice(1),
        privileged: Privileged,
        ...(User !== "" && { user: User }),
      },
      OpenStdin: AttachStdin,
      OpenStderr: AttachStderr,
      OpenStdout: AttachStdout,
      CanRemove: false,
      ContainerID: this.record.ID,
      DetachKeys,
      Pid: this.#pid,
    };
  }

  /** @throws Failure("conflict") in Docker's words for one that was started before */
  checkStartable(): void {
    if (this.#state === "created") return;
    const how = this.#state === "running" ? "is already running" : "has already run";
    throw new Failure("conflict", `Error: Exec command ${this.id} ${how}`);
  }

  /**
   * Resolves when it runs.
   * @returns the client's hold on its streams
   * @throws Failure in Docker's words; it then has ended, and `onEnd` is not called
   */
  async start({ run, bundle, streams, size, onEnd }: ExecStart): Promise<Attachment | undefined> {
    this.checkStartable();
    this.#state = "running";
    this.isAwaited = streams !== undefined;
    const clients = new ContainerStreams(true);
    const attachment = streams && clients.attach(streams);
    try {
      const { task, exited } = await run.whileRunning(() =>
        this.#begin(run, bundle, streams !== undefined, size),
      );
      this.#task = task;
      // Only now does the shim hold the other end of the input: what is written before, and closed, would be lost.
      const output = new ExecOutput(task.streams);
      clients.begin(output, task.streams.stdin, () => task.closeInput());
      void this.#supervise(task, exited, output, run).then((exitCode) => {
        clients.end();
        if (exitCode !== undefined) onEnd(exitCode);
      });
      return attachment;
    } catch (error) {
      clients.end();
      throw this.#failed(error);
    }
  }

  /** @throws Failure("not-found") for one that does not run */
  async resize(columns: number, rows: number): Promise<void> {
    if (this.#task === undefined) throw new Failure("not-found", `No such exec instance: ${this.id}`);
    await this.#task.resize(columns, rows);
  }

  async kill(signal: number): Promise<void> {
    await this.#task?.kill(signal).catch(() => undefined);
  }

  async #begin(
    run: ContainerRun,
    bundle: string,
    isAttached: boolean,
    size: ConsoleSize | undefined,
  ): Promise<{ task: ExecTask; exited: Promise<TaskExit> }> {
    const task = await this.#make(run, bundle, isAttached, size);
    const exited = task.wait();
    exited.catch(() => undefined);
    try {
      this.#pid = await task.start();
      return { task, exited };
    } catch (error) {
      await task.delete();
      throw error;
    }
  }

  async #make(
    run: ContainerRun,
    bundle: string,
    isAttached: boolean,
    size: ConsoleSize | undefined,
  ): Promise<ExecTask> {
    const { AttachStdin, AttachStdout, AttachStderr, ConsoleSize: [rows, columns] = [] } = this.config;
    const first = rows !== undefined && columns !== undefined ? { rows, columns } : undefined;
    return run.task.createExec(this.id, {
      process: await execProcess(this.record, bundle, this.config, size ?? first),
      stdin: isAttached && AttachStdin,
      output: isAttached && (AttachStdout || AttachStderr),
    });
  }

  /** Never rejects. @returns undefined when it was left to run on */
  async #supervise(
    task: ExecTask,
    exited: Promise<TaskExit>,
    output: ExecOutput,
    run: ContainerRun,
  ): Promise<number | undefined> {
    const exit = await exited.catch(() => undefined);
    if (exit === undefined && run.isLeft) {
      task.release();
      return undefined;
    }
    const patience = new AbortController();
    await Promise.race([
      output.ended,
      setTimeout(outputPatience, undefined, { signal: patience.signal }).catch(() => undefined),
    ]);
    patience.abort();
    await task.delete().catch(() => task.release());
    this.#end(exit?.status ?? killed);
    return this.#exitCode ?? killed;
  }

  #failed(error: unknown): unknown {
    const code = exitCodeOfFailure(error);
    this.#end(code === 125 ? 126 : code);
    // For Docker it is the command that was wrong, whatever the runtime says.
    if (!isFailure(error, "internal") || !error.message.startsWith("OCI runtime")) return error;
    return new Failure("invalid", error.message, { cause: error });
  }

  #end(exitCode: number): void {
    this.#task = undefined;
    this.#state = "ended";
    this.#exitCode = exitCode;
    this.endedAt = Date.now();
  }
}
