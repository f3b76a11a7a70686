/** All processes that were added to containers under one supervisor; in memory only, as with Docker. */
import { randomBytes } from "node:crypto";
import type { Writable } from "node:stream";
import { Failure } from "../../../errors.ts";
import { parseDetachKeys } from "../../../runtime/index.ts";
import type { Store } from "../../../store/index.ts";
import { bundleDirectory } from "../../containers/bundle.ts";
import { readRecord, type ContainerRecord } from "../../containers/record.ts";
import type { EventBus } from "../../events/event_bus.ts";
import { tellContainer } from "../../events/tell_container.ts";
import { checkDetachKeys } from "../check_detach_keys.ts";
import type { Attachment, AttachStreams } from "../container_streams.ts";
import { notRunning } from "../not_running.ts";
import type { ContainerRun } from "../run.ts";
import type { Turns } from "../turns.ts";
import { readExecConfig, type ExecConfig, type ExecInspect } from "./exec_config.ts";
import { Exec } from "./exec.ts";
import type { ConsoleSize } from "./exec_process.ts";

export interface ExecsContext {
  readonly store: Store;
  readonly events: EventBus;
  find(text: string): Promise<ContainerRecord>;
  /** Undefined: the container does not run. */
  runOf(id: string): ContainerRun | undefined;
  /** Of containers: one that comes to stand still meanwhile holds up what begins in it, and its shim with it. */
  readonly turns: Turns;
  warn(text: string): void;
}

export interface ExecStartOptions {
  /** Undefined: nobody attaches. */
  readonly streams?: Omit<AttachStreams, "detachKeys">;
  readonly size?: ConsoleSize;
}

export interface RunningProbe {
  readonly exitCode: Promise<number>;
  kill(): Promise<void>;
}

const SIGKILL = 9;

/** Milliseconds for which the exit code of one that has ended can be asked for (moby, daemon/exec.go: as long). */
const keptAfterEnd = 5 * 60 * 1000;

export class Execs {
  readonly #context: ExecsContext;
  readonly #execs = new Map<string, Exec>();

  constructor(context: ExecsContext) {
    this.#context = context;
  }

  /**
   * @param given the request as a client sent it
   * @returns its ID
   * @throws Failure in Docker's words: `not-found`, `conflict` for a container that does not run or is paused, `invalid`
   */
  async create(text: string, given: Readonly<Record<string, unknown>>): Promise<string> {
    const config = readExecConfig(given);
    checkDetachKeys(config.DetachKeys, "escape");
    const record = await this.#context.find(text);
    this.#runOf(record, text);
    this.#forgetOld();
    return this.#add(record, config).id;
  }

  /**
   * Of a container that is gone only to a client that was attached, once: how it ended is asked for after its stream has.
   * @throws Failure("not-found")
   */
  inspect(id: string): ExecInspect {
    const exec = this.#find(id);
    const shown = exec.inspect();
    if (exec.isEnded) exec.isAwaited = false;
    return shown;
  }

  /** Those of a container that have not ended yet; null: none, as Docker shows it. */
  idsOf(containerId: string): string[] | null {
    const running = [...this.#execs.values()].filter(
      (exec) => exec.record.ID === containerId && !exec.isEnded && !this.#isForgotten(exec),
    );
    return running.length === 0 ? null : running.map(({ id }) => id);
  }

  /** What `start` would refuse before anything has happened. @throws Failure */
  async check(id: string): Promise<ExecInspect> {
    const exec = this.#find(id);
    this.#runOf(await this.#context.find(exec.record.ID), exec.record.ID);
    exec.checkStartable();
    return exec.inspect();
  }

  /**
   * Resolves when it runs.
   * @returns the client's hold on its streams, undefined without
   * @throws Failure in Docker's words; it then has an exit code: 127 for a command that there is not, else 126
   */
  async start(id: string, { streams, size }: ExecStartOptions = {}): Promise<Attachment | undefined> {
    const exec = this.#find(id);
    const attachment = await this.#context.turns.take(exec.record.ID, () => this.#begin(exec, streams, size));
    void attachment?.ended.then((how) => {
      if (how === "detached") this.#tellPlain(exec, "exec_detach");
    });
    return attachment;
  }

  async #begin(
    exec: Exec,
    streams: ExecStartOptions["streams"],
    size: ConsoleSize | undefined,
  ): Promise<Attachment | undefined> {
    const { ID } = exec.record;
    const run = this.#runOf(await this.#context.find(ID), ID);
    exec.checkStartable();
    const { DetachKeys, Tty } = exec.config;
    const detachKeys = parseDetachKeys(DetachKeys === "" && Tty ? "ctrl-p,ctrl-q" : DetachKeys);
    this.#tell(exec, "start");
    return exec.start({
      run,
      bundle: bundleDirectory(this.#context.store.root, ID),
      ...(streams !== undefined && { streams: { ...streams, detachKeys } }),
      ...(size !== undefined && { size }),
      onEnd: (exitCode) => this.#tellDeath(exec, exitCode),
    });
  }

  /** Columns and rows, in characters. */
  async resize(id: string, columns: number, rows: number): Promise<void> {
    const exec = this.#find(id);
    this.#runOf(await this.#context.find(exec.record.ID), exec.record.ID);
    await exec.resize(columns, rows);
  }

  /**
   * Runs a command that leaves nothing behind, for health checks. Resolves when it runs.
   * @throws Failure in Docker's words when it cannot be started
   */
  async probe(
    record: ContainerRecord,
    command: readonly string[],
    stdout: Writable,
    stderr: Writable = stdout,
  ): Promise<RunningProbe> {
    const config = readExecConfig({ Cmd: command, AttachStdout: true, AttachStderr: true });
    const exec = this.#add(record, config);
    const forget = (): void => void this.#execs.delete(exec.id);
    try {
      const streams = { stdin: undefined, stdout, stderr };
      const attachment = await this.start(exec.id, { streams });
      const ended = Promise.resolve(attachment?.ended).finally(forget);
      return { exitCode: ended.then(() => exec.exitCode ?? 0), kill: () => exec.kill(SIGKILL) };
    } catch (error) {
      forget();
      throw error;
    }
  }

  /** Looks after those that the last supervisor has left in a container that runs on. */
  async adopt(run: ContainerRun): Promise<void> {
    for (const task of await run.task.leftExecs()) {
      // Nobody asks for its output any more, and it must not wait for that.
      task.streams.stdout?.resume().on("error", () => undefined);
      task.streams.stderr?.resume().on("error", () => undefined);
      void task
        .wait()
        .catch(() => undefined)
        .then(() => (run.isLeft ? task.release() : task.delete()))
        .catch((error: Error) => this.#context.warn(`exec: ${error.message}`));
    }
  }

  #add(record: ContainerRecord, config: ExecConfig): Exec {
    const exec = new Exec(randomBytes(32).toString("hex"), record, config, this.#context.runOf(record.ID));
    this.#execs.set(exec.id, exec);
    this.#tell(exec, "create");
    return exec;
  }

  #find(id: string): Exec {
    const exec = this.#execs.get(id);
    if (exec === undefined || this.#isForgotten(exec))
      throw new Failure("not-found", `No such exec instance: ${id}`);
    return exec;
  }

  /** One that was never started goes with the run for which it was made, all others with the container. */
  #isForgotten({ isNew, isAwaited, run, record }: Exec): boolean {
    if (isNew) return this.#context.runOf(record.ID) !== run;
    return !isAwaited && readRecord(this.#context.store.root, record.ID) === undefined;
  }

  /** @param text as the client called it */
  #runOf({ ID, State }: ContainerRecord, text: string): ContainerRun {
    const run = this.#context.runOf(ID);
    if (State.Restarting) {
      throw new Failure("conflict", `Container ${ID} is restarting, wait until the container is running`);
    }
    if (run === undefined) throw notRunning(ID);
    if (State.Paused) {
      throw new Failure("conflict", `Container ${text} is paused, unpause the container before exec`);
    }
    return run;
  }

  #forgetOld(): void {
    const limit = Date.now() - keptAfterEnd;
    for (const [id, exec] of this.#execs) {
      const isOld = exec.isEnded && (exec.endedAt ?? 0) < limit;
      if (isOld || this.#isForgotten(exec)) this.#execs.delete(id);
    }
  }

  #tell(exec: Exec, step: "create" | "start"): void {
    const [command = "", ...args] = exec.config.Cmd;
    this.#tellPlain(exec, `exec_${step}: ${command} ${args.join(" ")}`);
  }

  #tellDeath(exec: Exec, exitCode: number): void {
    this.#tellPlain(exec, "exec_die", { exitCode: String(exitCode) });
  }

  #tellPlain(exec: Exec, action: string, more: Readonly<Record<string, string>> = {}): void {
    tellContainer(this.#context.events, action, exec.record, { execID: exec.id, ...more });
  }
}
