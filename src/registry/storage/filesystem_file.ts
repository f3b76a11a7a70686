/** A file of the storage that is open to be read. */
import type { FileHandle } from "node:fs/promises";
import { storageFailure } from "./filesystem_errors.ts";
import type { ReadableFile } from "./types.ts";

/** @param path for messages. Disposal closes the handle. */
export function readableFile(file: FileHandle, path: string): ReadableFile {
  return {
    fd: file.fd,
    read: async (buffer, position) => {
      const { bytesRead } = await file
        .read(buffer, 0, buffer.length, position)
        .catch(storageFailure("read", path));
      return bytesRead;
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}
