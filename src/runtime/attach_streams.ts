/** Joins a container's FIFOs with the streams of the user: copying, raw terminal, window size, detach keys. */
import type { Socket } from "node:net";
import type { Readable, Writable } from "node:stream";
import { DetachFilter } from "./detach_keys.ts";
import { rawMode } from "./raw_mode.ts";
import type { ShimTask } from "./shim_task.ts";
import type { TaskStreams } from "./task_bundle.ts";

export interface AttachOptions {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly terminal: boolean;
  /** Bytes of the detach sequence; none with no terminal. */
  readonly detachKeys: Uint8Array;
  /** The user's stdout or stderr was closed by its reader (EPIPE): what comes is thrown away from then on. */
  readonly onOutputClosed: () => void;
}

export interface Attachment extends Disposable {
  /** To be called when the process runs: begins with input and window size. */
  started(): void;
  /** Resolves when all output has been handed to the user's streams and was flushed by them. */
  readonly drained: Promise<void>;
  /** Resolves when the detach keys were typed; else never. */
  readonly detached: Promise<"detached">;
}

/** Begins to copy output at once. Disposing closes the FIFOs and gives the terminal back as it was. */
export function attachStreams(task: ShimTask, streams: TaskStreams, options: AttachOptions): Attachment {
  const outputs = [copyOutput(streams.stdout, options.stdout, options.onOutputClosed)];
  if (streams.stderr !== undefined)
    outputs.push(copyOutput(streams.stderr, options.stderr, options.onOutputClosed));
  const undo = new DisposableStack();
  undo.defer(() => {
    streams.stdin?.destroy();
    streams.stdout.destroy();
    streams.stderr?.destroy();
  });
  const { promise: detached, resolve: detach } = Promise.withResolvers<"detached">();
  if (options.terminal && streams.stdin !== undefined) undo.use(rawMode(options.stdin));
  return {
    started: () => {
      if (options.terminal) undo.use(followWindowSize(task, options.stdout));
      const filter = new DetachFilter(options.detachKeys);
      if (streams.stdin !== undefined)
        undo.use(
          copyInput(options.stdin, streams.stdin, {
            filter,
            onDetach: () => detach("detached"),
            // With a terminal the end of input is no end: the container goes on (as under dockerd).
            onEnd: () => void (options.terminal || task.closeInput().catch(() => undefined)),
          }),
        );
    },
    drained: Promise.all(outputs).then(() => undefined),
    detached,
    [Symbol.dispose]: () => undo.dispose(),
  };
}

/** Resolves when `from` has ended and `to` has taken everything, or takes no more. */
async function copyOutput(from: Socket, to: Writable, onClosed: () => void): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    from.once("close", resolve);
    from.once("error", () => resolve());
  });
  let open = true;
  const fail = (): void => {
    if (!open) return;
    open = false;
    from.unpipe(to);
    from.resume();
    onClosed();
  };
  to.on("error", fail);
  to.on("close", fail);
  from.pipe(to, { end: false });
  await ended;
  // An empty write calls back after all the earlier ones.
  if (open && to.writable) await new Promise<void>((resolve) => void to.write("", () => resolve()));
  to.off("error", fail);
  to.off("close", fail);
}

interface InputOptions {
  readonly filter: DetachFilter;
  readonly onDetach: () => void;
  readonly onEnd: () => void;
}

function copyInput(from: Readable, to: Socket, options: InputOptions): Disposable {
  const data = (chunk: Uint8Array | string): void => {
    const { pass, detached } = options.filter.take(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    if (pass.length > 0 && !to.destroyed && !to.write(pass)) {
      from.pause();
      to.once("drain", () => from.resume());
    }
    if (detached) options.onDetach();
  };
  const end = (): void => {
    // Not `to.end()`: that means shutdown(2), which a FIFO does not have.
    to.write("", () => {
      to.destroy();
      options.onEnd();
    });
  };
  // The container has closed its input or is gone: what is typed from now on is for nobody.
  to.on("error", () => undefined);
  from.on("data", data);
  from.once("end", end);
  // A terminal that was hung up (EIO).
  from.once("error", end);
  if (from.readableEnded) end();
  return {
    [Symbol.dispose]: () => {
      from.off("data", data);
      from.off("end", end);
      from.off("error", end);
      from.pause();
    },
  };
}

interface TerminalOutput extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

function followWindowSize(task: ShimTask, output: TerminalOutput): Disposable | undefined {
  if (output.isTTY !== true) return undefined;
  const resize = (): void => void task.resize(output.columns ?? 80, output.rows ?? 24).catch(() => undefined);
  resize();
  output.on("resize", resize);
  return { [Symbol.dispose]: () => void output.off("resize", resize) };
}
