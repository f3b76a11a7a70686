/** Writes an archive as it is pulled. */
import type { ByteSource } from "../bytes/index.ts";
import type { TarEntry } from "./entry.ts";
import { TarWriter, type TarWriterOptions } from "./tar_writer.ts";

export interface PackedEntry {
  readonly entry: TarEntry;
  /** Content of a file: exactly `entry.size` bytes. */
  readonly body?: ByteSource | Uint8Array;
}

/**
 * A tar of the given entries in their order. Nothing is read ahead: an entry is asked for when the one before it is
 * written. Throws `Failure("invalid")` when a body is longer or shorter than its entry says.
 */
export async function* packTar(
  entries: AsyncIterable<PackedEntry> | Iterable<PackedEntry>,
  options: TarWriterOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const ready: Uint8Array[] = [];
  const writer = new TarWriter((chunk) => ready.push(chunk), options);
  for await (const { entry, body } of entries) {
    writer.entry(entry);
    if (body instanceof Uint8Array) writer.data(body);
    else if (body !== undefined) {
      for await (const chunk of body) {
        writer.data(chunk);
        yield* ready.splice(0);
      }
    }
    writer.endEntry();
    yield* ready.splice(0);
  }
  writer.end();
  yield* ready;
}
