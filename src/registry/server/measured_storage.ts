/** A storage that is watched: how long its calls take, and which fail. */
import { isFailure } from "../../errors.ts";
import type { AppendableFile, StorageDriver } from "../storage/types.ts";
import type { ServerMetrics } from "./metrics/server_metrics.ts";

/** The same storage, with each failure and duration told to `metrics`. What it throws is thrown on. */
export function measuredStorage(inner: StorageDriver, metrics: ServerMetrics): StorageDriver {
  const failed = (action: string, error: unknown): never => {
    // That a file is not there is an answer.
    if (!isFailure(error, "not-found") && !isFailure(error, "cancelled") && !isAbort(error)) {
      metrics.storageErrors.add(1, inner.name, action, isFailure(error) ? error.kind : "internal");
    }
    throw error;
  };
  const timed = async <T>(action: string, call: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    try {
      return await call();
    } catch (error) {
      return failed(action, error);
    } finally {
      metrics.storageSeconds.observe((performance.now() - start) / 1000, inner.name, action);
    }
  };
  async function* watched<T>(action: string, source: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* source;
    } catch (error) {
      failed(action, error);
    }
  }
  const measured: Partial<StorageDriver> = {
    read: (path) => timed("read", () => inner.read(path)),
    write: (path, bytes) => timed("write", () => inner.write(path, bytes)),
    writeNew: (path, bytes) => timed("write", () => inner.writeNew(path, bytes)),
    stat: (path) => timed("stat", () => inner.stat(path)),
    open: (path, range, signal) => watched("open", inner.open(path, range, signal)),
    ...(inner.openFile && { openFile: (path) => timed("open", () => inner.openFile!(path)) }),
    appendTo: async (path, options) =>
      measuredFile(await timed("append", () => inner.appendTo(path, options)), timed, failed),
    list: (path) => watched("list", inner.list(path)),
    move: (from, to) => timed("move", () => inner.move(from, to)),
    remove: (path) => timed("remove", () => inner.remove(path)),
  };
  // What else a driver can do, it does itself.
  return new Proxy(inner, {
    get: (_, key: keyof StorageDriver) => {
      const own: unknown = measured[key] ?? inner[key];
      return typeof own === "function" ? (own.bind(inner) as unknown) : own;
    },
  });
}

function measuredFile(
  inner: AppendableFile,
  timed: <T>(action: string, call: () => Promise<T>) => Promise<T>,
  failed: (action: string, error: unknown) => never,
): AppendableFile {
  return {
    get size() {
      return inner.size;
    },
    // As slow as the client, and failing when it goes away: no time of the storage's, and no failure unless it says so.
    append: (source, signal) =>
      inner.append(source, signal).catch((error: unknown) => {
        if (isFailure(error)) return failed("append", error);
        throw error;
      }),
    commit: () => timed("commit", () => inner.commit()),
    cancel: () => timed("cancel", () => inner.cancel()),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
