/** A storage driver that fails where a plan says so. */
import { Failure } from "../../src/errors.ts";
import type { AppendableFile, ReadableFile, StorageDriver } from "../../src/registry/storage/types.ts";

/** One call of a driver, or of a file that it opened to append to. */
export interface StorageCall {
  readonly method: Exclude<keyof StorageDriver, "name" | "close"> | "append" | "commit" | "cancel";
  readonly path: string;
  /** From 1, over all calls. */
  readonly number: number;
}

/**
 * What goes wrong: `before` it was done, `after` it was done (the answer is lost), or in the middle of the bytes (of
 * `open` and `append`; of all others as `before`).
 */
export type StorageFault = "before" | "middle" | "after";

export type FaultPlan = (call: StorageCall) => StorageFault | undefined;

export interface FaultyDriver extends StorageDriver {
  /** All calls so far, in order. */
  readonly calls: readonly StorageCall[];
}

export function faultyDriver(driver: StorageDriver, plan: FaultPlan): FaultyDriver {
  const calls: StorageCall[] = [];
  const note = (method: StorageCall["method"], path: string): StorageFault | undefined => {
    const call = { method, path, number: calls.length + 1 };
    calls.push(call);
    return plan(call);
  };
  const around = async <T>(
    method: StorageCall["method"],
    path: string,
    work: () => Promise<T>,
  ): Promise<T> => {
    const fault = note(method, path);
    if (fault === "before" || fault === "middle") throw injected(method, path);
    const result = await work();
    if (fault === undefined) return result;
    // Nobody gets the file, so nobody would close it.
    if (method === "appendTo" || method === "openFile")
      await (result as AppendableFile | ReadableFile | undefined)?.[Symbol.asyncDispose]();
    throw injected(method, path);
  };
  const file = (inner: AppendableFile, path: string): AppendableFile => ({
    get size() {
      return inner.size;
    },
    append: async (source, signal) => {
      const fault = note("append", path);
      if (fault === "before") throw injected("append", path);
      const size = await inner.append(fault === "middle" ? broken(source, "append", path) : source, signal);
      if (fault === "after") throw injected("append", path);
      return size;
    },
    commit: () => around("commit", path, () => inner.commit()),
    cancel: () => around("cancel", path, () => inner.cancel()),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  });
  return {
    calls,
    name: `faulty ${driver.name}`,
    read: (path) => around("read", path, () => driver.read(path)),
    write: (path, bytes) => around("write", path, () => driver.write(path, bytes)),
    writeNew: (path, bytes) => around("writeNew", path, () => driver.writeNew(path, bytes)),
    stat: (path) => around("stat", path, () => driver.stat(path)),
    open: (path, range, signal) => {
      const fault = note("open", path);
      const source = driver.open(path, range, signal);
      return fault === undefined ? source : broken(fault === "before" ? nothing() : source, "open", path);
    },
    appendTo: (path, options) =>
      around("appendTo", path, async () => file(await driver.appendTo(path, options), path)),
    list: (path) => {
      const fault = note("list", path);
      const entries = driver.list(path);
      return fault === undefined ? entries : broken(fault === "before" ? nothing() : entries, "list", path);
    },
    move: (from, to) => around("move", from, () => driver.move(from, to)),
    remove: (path) => around("remove", path, () => driver.remove(path)),
    ...(driver.openFile === undefined
      ? {}
      : { openFile: (path: string) => around("openFile", path, async () => driver.openFile?.(path)) }),
    ...(driver.redirectUrl === undefined
      ? {}
      : {
          redirectUrl: (path: string, options: { readonly method: string }) =>
            around("redirectUrl", path, async () => driver.redirectUrl?.(path, options)),
        }),
    close: async () => driver.close?.(),
  };
}

function injected(method: string, path: string): Failure {
  return new Failure("unavailable", `injected fault at ${method} of ${path}`);
}

/** The first half of what comes, then a failure; bytes are cut inside a chunk. */
async function* broken<T>(
  source: AsyncIterable<T>,
  method: string,
  path: string,
): AsyncGenerator<T, void, undefined> {
  let held: T | undefined;
  for await (const item of source) {
    if (held !== undefined) yield held;
    held = item;
    if (item instanceof Uint8Array && item.length > 1) {
      yield item.subarray(0, item.length >> 1) as T;
      break;
    }
  }
  throw injected(method, path);
}

async function* nothing(): AsyncGenerator<never, void, undefined> {}
