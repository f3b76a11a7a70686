/** Reads an archive entry by entry, as it is pulled. */
import type { ByteSource } from "../bytes/index.ts";
import type { TarEntry } from "./entry.ts";
import { TarParser, type TarParserOptions } from "./tar_parser.ts";

export interface ReadEntry {
  readonly entry: TarEntry;
  /**
   * The content, with the holes of a sparse file filled in. Valid until the next entry is asked for; what was not
   * read by then is skipped.
   */
  readonly body: AsyncIterable<Uint8Array>;
}

type Event =
  | { readonly kind: "entry"; readonly entry: TarEntry }
  | { readonly kind: "data"; readonly chunk: Uint8Array; readonly offset: number }
  | { readonly kind: "end" };

/**
 * The archive's entries in order. Early return closes the source. Throws what {@link TarParser} throws, after the
 * entries that were whole before the fault.
 */
export async function* readTar(
  source: ByteSource,
  options: TarParserOptions = {},
): AsyncGenerator<ReadEntry, void, undefined> {
  const events = eventsOf(source, options);
  try {
    for (;;) {
      const { value, done } = await events.next();
      if (done === true) return;
      if (value.kind !== "entry") continue; // the rest of a body that nobody wanted
      let current = true;
      const isCurrent = () => current;
      yield { entry: value.entry, body: bodyOf(events, value.entry, isCurrent, () => (current = false)) };
      current = false;
    }
  } finally {
    await events.return(undefined);
  }
}

async function* eventsOf(
  source: ByteSource,
  options: TarParserOptions,
): AsyncGenerator<Event, void, undefined> {
  let queue: Event[] = [];
  const parser = new TarParser(
    {
      entry: (entry) => queue.push({ kind: "entry", entry }),
      // Content lies in the source's chunk, which is ours: it needs no copy.
      data: (chunk, offset) => queue.push({ kind: "data", chunk, offset }),
      endEntry: () => queue.push({ kind: "end" }),
    },
    options,
  );
  for await (const chunk of source) {
    let failure: { readonly error: unknown } | undefined;
    try {
      parser.write(chunk);
    } catch (error) {
      failure = { error };
    }
    const ready = queue;
    queue = [];
    yield* ready;
    if (failure !== undefined) throw failure.error;
  }
  parser.end();
}

const zeros = new Uint8Array(64 * 1024);

function* holes(length: number): Generator<Uint8Array> {
  for (; length > zeros.length; length -= zeros.length) yield zeros.slice();
  if (length > 0) yield zeros.slice(0, length);
}

async function* bodyOf(
  events: AsyncGenerator<Event, void, undefined>,
  { size }: TarEntry,
  isCurrent: () => boolean,
  finish: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0;
  while (isCurrent()) {
    const { value, done } = await events.next();
    if (done === true || value.kind === "entry") return;
    if (value.kind === "end") {
      finish();
      yield* holes(size - at);
      return;
    }
    yield* holes(value.offset - at);
    yield value.chunk;
    at = value.offset + value.chunk.length;
  }
}
