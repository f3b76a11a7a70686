/** A daemon's container as if it ran here: its streams, signals and exit code. */
import type { App } from "../app.ts";
import { loadTerminalTools } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { joinStreams, jsonLines, pathOf, type EngineClient } from "../engine_client/index.ts";
import type { AttachedStreams } from "./container_config.ts";

export interface ForegroundOptions {
  /** ID or name. */
  readonly container: string;
  readonly terminal: boolean;
  readonly attached: AttachedStreams;
  readonly detachKeys: string | undefined;
  readonly proxySignals: boolean;
  /** Which end gives the exit code: of one that is yet to start `next-exit`, or `removed` when it goes with its end. */
  readonly until: "not-running" | "next-exit" | "removed";
  /** Starts it, once nothing of its output or end can be missed. */
  start?(): Promise<unknown>;
  /** After the detach keys; default: nothing, and the exit code is 0. */
  onDetach?(): void;
}

/** Returns the container's exit code, or 0 after the detach keys: then it runs on. */
export async function inForeground(
  app: App,
  client: EngineClient,
  options: ForegroundOptions,
): Promise<number> {
  const { container, terminal, attached, detachKeys } = options;
  // What stays open keeps the process alive.
  using open = new DisposableStack();
  const connection = await client.hijack(pathOf`/containers/${container}/attach`, {
    query: { stream: true, ...attached, detachKeys },
  });
  open.defer(() => connection.destroy());
  // The head of the answer says that the daemon waits.
  const waiting = await client.stream("POST", pathOf`/containers/${container}/wait`, {
    query: { condition: options.until },
  });
  open.defer(() => waiting.destroy());
  const started = Promise.withResolvers<void>();
  const joined = joinStreams({
    connection,
    terminal,
    stdin: attached.stdin ? app.stdin : undefined,
    stdout: app.stdout,
    stderr: app.stderr,
    detachKeys,
    started: started.promise,
    resize: (columns, rows) => resize(client, container, columns, rows),
  });
  joined.catch(() => undefined);
  started.promise.catch(() => undefined);
  if (options.proxySignals) open.use(await passSignals(client, container, terminal, started.promise));
  try {
    await options.start?.();
    started.resolve();
  } catch (error) {
    connection.destroy();
    await joined.catch(() => undefined);
    throw error;
  }
  if ((await joined) === "detached") {
    options.onDetach?.();
    return 0;
  }
  return await exitOf(waiting, container);
}

function resize(client: EngineClient, container: string, columns: number, rows: number): Promise<unknown> {
  return client.json("POST", pathOf`/containers/${container}/resize`, { query: { h: rows, w: columns } });
}

/**
 * From now on, for once it runs it may tell others that it is ready for them. A terminal's window is followed by its size,
 * not by the signal that tells of it.
 */
async function passSignals(
  client: EngineClient,
  container: string,
  terminal: boolean,
  started: Promise<void>,
): Promise<Disposable> {
  const { proxySignals } = await loadTerminalTools();
  const deliver = async (signal: number): Promise<void> => {
    await started;
    await client.json("POST", pathOf`/containers/${container}/kill`, { query: { signal } });
  };
  // It may have ended meanwhile; that is told by the wait.
  const pass = (signal: number): void => void deliver(signal).catch(() => undefined);
  return proxySignals(pass, terminal ? ["SIGWINCH"] : []);
}

interface WaitAnswer {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string } | null;
}

/** Reads what `POST /containers/{id}/wait` answers. */
export async function exitOf(
  waiting: AsyncIterable<Buffer> & Parameters<typeof jsonLines>[0],
  container: string,
): Promise<number> {
  for await (const { StatusCode, Error: failed } of jsonLines<WaitAnswer>(waiting)) {
    if (failed) throw new Failure("internal", failed.Message);
    return StatusCode;
  }
  throw new Failure("unavailable", `the daemon ended before container ${container} did`);
}
