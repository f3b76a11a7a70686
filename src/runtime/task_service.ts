/**
 * The calls of `containerd.task.v2.Task` as typed functions: what containerd 1.6's
 * api/runtime/task/v2/shim.proto defines, field by field. A shim serves one task and its execs: processes that were added
 * to its container. Where a method takes `exec`, "" stands for the container's first process.
 */
import { bytesField, bigField, decodeMessage, encodeMessage, numberField } from "../bytes/index.ts";
import type { FieldValue, Fields } from "../bytes/index.ts";
import type { OciProcess, OciResources } from "./oci_spec.ts";
import type { TtrpcClient } from "./ttrpc.ts";

const service = "containerd.task.v2.Task";

export type TaskStatus = "unknown" | "created" | "running" | "stopped" | "paused" | "pausing";
const statuses: readonly TaskStatus[] = ["unknown", "created", "running", "stopped", "paused", "pausing"];

export interface TaskExit {
  /** 0 to 255; 128 + n when signal n ended it. */
  readonly status: number;
  readonly exitedAt: Date;
}

export interface TaskState {
  readonly status: TaskStatus;
  /** Process id of the container's first process on the host; 0 before it was created. */
  readonly pid: number;
  /** Set when `status` is `stopped`. */
  readonly exit: TaskExit | undefined;
}

export interface CreateRequest {
  readonly id: string;
  readonly bundle: string;
  readonly terminal: boolean;
  /** Paths of FIFOs, "" for none (/dev/null). */
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  /** The OCI runtime: a path or a name in PATH. */
  readonly runtime: string;
  /** Where that runtime keeps its state. */
  readonly runtimeRoot: string;
}

export interface ExecRequest {
  readonly terminal: boolean;
  /** Paths of FIFOs, "" for none (/dev/null). */
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly process: OciProcess;
}

/** What a shim can be asked; one instance for one connection. Every method throws what {@link TtrpcClient.call} throws. */
export class TaskService {
  readonly #client: TtrpcClient;

  constructor(client: TtrpcClient) {
    this.#client = client;
  }

  async create(request: CreateRequest): Promise<number> {
    // containerd.runc.v1.Options: 6 binary_name, 7 root.
    const options = encodeMessage({ 6: request.runtime, 7: request.runtimeRoot });
    const answer = await this.#call("Create", {
      1: request.id,
      2: request.bundle,
      4: request.terminal,
      5: request.stdin,
      6: request.stdout,
      7: request.stderr,
      10: encodeMessage({ 1: "containerd.runc.v1.Options", 2: options }),
    });
    return numberField(answer, 1);
  }

  async start(id: string, exec = ""): Promise<number> {
    return numberField(await this.#call("Start", { 1: id, 2: exec }), 1);
  }

  async wait(id: string, exec = ""): Promise<TaskExit> {
    return exitOf(await this.#call("Wait", { 1: id, 2: exec }), 1, 2);
  }

  async delete(id: string, exec = ""): Promise<TaskExit> {
    return exitOf(await this.#call("Delete", { 1: id, 2: exec }), 2, 3);
  }

  async state(id: string, exec = ""): Promise<TaskState> {
    const answer = await this.#call("State", { 1: id, 2: exec });
    const status = statuses[numberField(answer, 4)] ?? "unknown";
    const exit = status === "stopped" ? exitOf(answer, 9, 10) : undefined;
    return { status, pid: numberField(answer, 3), exit };
  }

  async kill(id: string, signal: number, all: boolean, exec = ""): Promise<void> {
    await this.#call("Kill", { 1: id, 2: exec, 3: signal, 4: all });
  }

  async pause(id: string): Promise<void> {
    await this.#call("Pause", { 1: id });
  }

  async resume(id: string): Promise<void> {
    await this.#call("Resume", { 1: id });
  }

  /** Tells the shim that no more input comes: it closes its own hold on the stdin FIFO. */
  async closeInput(id: string, exec = ""): Promise<void> {
    await this.#call("CloseIO", { 1: id, 2: exec, 3: true });
  }

  async resize(id: string, columns: number, rows: number, exec = ""): Promise<void> {
    await this.#call("ResizePty", { 1: id, 2: exec, 3: columns, 4: rows });
  }

  /** Makes a process in the running container; it is started by {@link start}. */
  async exec(id: string, exec: string, request: ExecRequest): Promise<void> {
    await this.#call("Exec", {
      1: id,
      2: exec,
      3: request.terminal,
      4: request.stdin,
      5: request.stdout,
      6: request.stderr,
      7: anyOf("Process", request.process),
    });
  }

  /** Sets limits of the container's control group; what is absent stays. */
  async update(id: string, resources: Partial<OciResources>): Promise<void> {
    await this.#call("Update", { 1: id, 2: anyOf("LinuxResources", resources) });
  }

  /** Host process ids of all that runs in the container. */
  async pids(id: string): Promise<number[]> {
    const answer = await this.#call("Pids", { 1: id });
    return (answer.get(1) ?? []).map((info) => numberField(decodeMessage(info as Uint8Array), 1));
  }

  /** The shim's own process id. */
  async shimPid(id: string): Promise<number> {
    return numberField(await this.#call("Connect", { 1: id }), 1);
  }

  /** Ends the shim, if its task was deleted or never created. */
  async shutdown(id: string): Promise<void> {
    await this.#call("Shutdown", { 1: id });
  }

  async #call(method: string, fields: Record<number, FieldValue>): Promise<Fields> {
    return decodeMessage(await this.#client.call(service, method, encodeMessage(fields)));
  }
}

/** google.protobuf.Any with a part of the runtime spec as containerd packs it. */
function anyOf(type: string, value: object): Uint8Array {
  return encodeMessage({
    1: `types.containerd.io/opencontainers/runtime-spec/1/${type}`,
    2: JSON.stringify(value),
  });
}

/** google.protobuf.Timestamp: 1 seconds, 2 nanos. */
function exitOf(answer: Fields, statusField: number, timeField: number): TaskExit {
  const time = decodeMessage(bytesField(answer, timeField));
  const seconds = Number(BigInt.asIntN(64, bigField(time, 1)));
  const milliseconds = Math.floor(numberField(time, 2) / 1e6);
  return { status: numberField(answer, statusField), exitedAt: new Date(seconds * 1000 + milliseconds) };
}
