/** Files as byte sources, and back. */
import { open } from "node:fs/promises";
import { Failure } from "../errors.ts";
import { abortable, throwIfCancelled } from "./abortable.ts";
import type { ByteSource } from "./place.ts";

export interface FromFileOptions {
  /** First byte wanted; default 0. */
  readonly offset?: number;
  /** Bytes wanted; default all. Throws `Failure("corrupt")` if the file has fewer. */
  readonly length?: number;
  /** Bytes a chunk; default 1 MiB. */
  readonly chunkSize?: number;
  readonly signal?: AbortSignal;
}

/** A file's bytes. It is opened when the first chunk is asked for and closed at the end, or on early return. */
export async function* fromFile(
  path: string | Buffer,
  options: FromFileOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { offset = 0, length = Infinity, chunkSize = 1 << 20, signal } = options;
  throwIfCancelled(signal);
  await using file = await open(path, "r").catch((error: unknown) => {
    throw fileFailure(error, "open", path);
  });
  let at = offset;
  const end = offset + length;
  while (at < end) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(chunkSize, end - at));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    throwIfCancelled(signal);
    if (bytesRead === 0) break;
    at += bytesRead;
    yield bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead);
  }
  if (length !== Infinity && at < end) {
    throw new Failure("corrupt", `unexpected end of ${path}: ${end - at} bytes are missing`);
  }
}

export interface ToFileOptions {
  /** `wx` (default): the file must not exist; `w`: truncate it; `a`: append. */
  readonly flags?: "wx" | "w" | "a";
  /** Permission bits of a new file; default 0666 less umask. */
  readonly mode?: number;
  /** Flush to disk before closing. */
  readonly sync?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Writes the source into a file and returns the number of bytes written. What was written before a failure stays.
 * Throws `Failure("conflict")` for a file that exists, `Failure("no-space")` when the disk is full, and whatever the source throws.
 */
export async function toFile(
  source: ByteSource,
  path: string | Buffer,
  options: ToFileOptions = {},
): Promise<number> {
  const { flags = "wx", mode, sync = false, signal } = options;
  await using file = await open(path, flags, mode).catch(async (error: unknown) => {
    await source[Symbol.asyncIterator]().return?.(); // it may hold a connection
    throw fileFailure(error, "create", path);
  });
  let size = 0;
  for await (const chunk of abortable(source, signal)) {
    for (let at = 0; at < chunk.length;) {
      try {
        at += (await file.write(chunk, at, chunk.length - at, null)).bytesWritten;
      } catch (error) {
        throw fileFailure(error, "write", path);
      }
    }
    size += chunk.length;
  }
  if (sync) await file.sync();
  return size;
}

function fileFailure(error: unknown, action: string, path: string | Buffer): Failure {
  const { code, message } = error as NodeJS.ErrnoException;
  const text = `cannot ${action} ${path}: ${message}`;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return new Failure("not-found", text, { cause: error });
    case "EEXIST":
      return new Failure("conflict", text, { cause: error });
    case "ENOSPC":
    case "EDQUOT":
      return new Failure("no-space", text, { cause: error });
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new Failure("denied", text, { cause: error });
    default:
      return new Failure("internal", text, { cause: error });
  }
}
