/** A container's streams joined with the user's: raw terminal, window size, detach keys, end of input. */
import type { Duplex, Readable, Writable } from "node:stream";
import { loadTerminalTools } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { copyRaw, demultiplex } from "./demultiplex.ts";

interface TerminalWriter extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface StreamSession {
  /** As {@link EngineClient.hijack} gives it. */
  readonly connection: Duplex;
  /** Whether the container has a terminal: then output is not framed, and input is raw. */
  readonly terminal: boolean;
  /** Undefined: nothing is sent. */
  readonly stdin: Readable | undefined;
  readonly stdout: TerminalWriter;
  readonly stderr: Writable;
  /** Default: ctrl-p,ctrl-q. Looked for with a terminal only. */
  readonly detachKeys?: string | undefined;
  /** Resolves when the container's terminal can take a size; undefined: at once. */
  readonly started?: Promise<unknown>;
  /** Sets the size of the container's terminal. */
  resize(columns: number, rows: number): Promise<unknown>;
}

/**
 * Copies until the container closes its streams, or until the user types the detach keys. The user's terminal is as it
 * was afterwards. Throws `Failure("unavailable")` when the connection breaks.
 */
export async function joinStreams(session: StreamSession): Promise<"ended" | "detached"> {
  const { connection, terminal, stdin } = session;
  const { rawMode, DetachFilter, parseDetachKeys, defaultDetachKeys } = await loadTerminalTools();
  const keys = parseDetachKeys(terminal ? session.detachKeys || defaultDetachKeys : "");
  using undo = new DisposableStack();
  undo.defer(() => connection.destroy());
  if (terminal && stdin !== undefined) undo.use(rawMode(stdin));
  if (terminal) undo.use(followWindowSize(session));
  const detached = Promise.withResolvers<"detached">();
  if (stdin !== undefined) {
    const filter = new DetachFilter(keys);
    const take = (chunk: Uint8Array): Uint8Array => {
      const { pass, detached: typed } = filter.take(chunk);
      if (typed) detached.resolve("detached");
      return pass;
    };
    undo.use(copyInput(stdin, connection, take));
  }
  // Awaited here, or all would be undone before.
  return await Promise.race([copyOutput(session), detached.promise]);
}

async function copyOutput({ connection, terminal, stdout, stderr }: StreamSession): Promise<"ended"> {
  try {
    await (terminal ? copyRaw(connection, stdout) : demultiplex(connection, { stdout, stderr }));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // A server that ends while we still send resets the connection; what it sent before has come.
    if (code === "ECONNRESET" || code === "EPIPE" || code === "ERR_STREAM_PREMATURE_CLOSE") return "ended";
    if (code === undefined) throw cause;
    throw new Failure("unavailable", `the connection to the container broke: ${(cause as Error).message}`, {
      cause,
    });
  }
  return "ended";
}

function copyInput(from: Readable, to: Duplex, take: (chunk: Uint8Array) => Uint8Array): Disposable {
  const data = (chunk: Uint8Array | string): void => {
    const bytes = take(typeof chunk === "string" ? Buffer.from(chunk) : chunk);
    if (bytes.length === 0 || !to.writable || to.write(bytes)) return;
    from.pause();
    to.once("drain", () => from.resume());
  };
  // The other direction stays open: the container's answer to the end of its input comes that way.
  const end = (): void => void to.end();
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

/** One size after the other, and always the newest: an older one that is late must not win. */
function followWindowSize({ stdout, started, resize }: StreamSession): Disposable | undefined {
  if (stdout.isTTY !== true) return undefined;
  let isAsked = false;
  let isBusy = false;
  const follow = async (): Promise<void> => {
    isAsked = true;
    if (isBusy) return;
    isBusy = true;
    while (isAsked) {
      isAsked = false;
      // What has ended meanwhile has no window.
      await resize(stdout.columns ?? 80, stdout.rows ?? 24).catch(() => undefined);
    }
    isBusy = false;
  };
  const begin = (): void => void follow();
  if (started === undefined) begin();
  else void started.then(begin, () => undefined);
  stdout.on("resize", begin);
  return { [Symbol.dispose]: () => void stdout.off("resize", begin) };
}
