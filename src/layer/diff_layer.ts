/** From a directory to the layer tar. */
import { unlessGone } from "./unless_gone.ts";
import { fromText } from "../byte_string.ts";
import { type ByteSource, throwIfCancelled } from "../bytes/index.ts";
import * as sys from "../sys/index.ts";
import { TarWriter } from "../tar/index.ts";
import { aufsItems } from "./diff_aufs.ts";
import { copyItems } from "./diff_copy.ts";
import type { DiffItem } from "./diff_item.ts";
import { overlayItems } from "./diff_overlay.ts";
import type { WhiteoutStyle } from "./types.ts";

export interface DiffOptions {
  /** The change directory; for `remove`, the changed copy. */
  readonly directory: string;
  readonly whiteouts: WhiteoutStyle;
  /**
   * What lies below, nearest first. For the overlay styles the layers' change directories, which are read only for
   * redirects and metacopies; for `remove` one directory, the unchanged copy. None: the directory is a base.
   */
  readonly lowers?: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * The layer tar of a change directory, as Docker writes it (behaviours B044, B045, B141): names sorted by byte in each
 * directory, depth first, no entry for the root, whiteouts in tar spelling. The same directory gives the same bytes.
 * Reads step by step, so that the event loop goes on turning. The directory must not be written to meanwhile: a file
 * that shrinks is filled up with zeros, and one that grows is cut off.
 * @throws Failure("cancelled"); "corrupt" for a metacopy whose content is nowhere; SysError
 */
export function diffLayer(options: DiffOptions): ByteSource {
  return pack(() => itemsOf(options), options.signal);
}

/** A whole tree as one tar, such as `export` gives: nothing in it is taken for a whiteout. */
export function treeTar(directory: string, options: { readonly signal: AbortSignal }): ByteSource {
  return pack(() => copyItems(fromText(directory)), options.signal);
}

type Items = Generator<DiffItem | undefined, void, void>;

function itemsOf({ directory, whiteouts, lowers = [] }: DiffOptions): Items {
  const path = fromText(directory);
  switch (whiteouts) {
    case "overlay":
    case "overlay-user":
      return overlayItems([path, ...lowers.map(fromText)], whiteouts);
    case "aufs":
      return aufsItems(path);
    case "remove":
      return copyItems(path, lowers[0] === undefined ? undefined : fromText(lowers[0]));
  }
}

/** How long the event loop may stand still, in ms. */
const slice = 10;

async function* pack(items: () => Items, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  throwIfCancelled(signal);
  let ready: Uint8Array[] = [];
  const writer = new TarWriter((chunk) => ready.push(chunk));
  const steps = stepsOf(items(), writer);
  try {
    for (let until = performance.now() + slice; ;) {
      const { done } = steps.next();
      if (ready.length > 0) {
        const chunks = ready;
        ready = [];
        yield* chunks;
      }
      if (done === true) return;
      if (performance.now() < until) continue;
      await new Promise((resolve) => setImmediate(resolve));
      throwIfCancelled(signal);
      until = performance.now() + slice;
    }
  } finally {
    // Closes what the walk has open.
    steps.return();
  }
}

const bufferSize = 256 * 1024;

/** Writes the tar; each step is one entry or one buffer of content. */
function* stepsOf(items: Items, writer: TarWriter): Generator<void, void, void> {
  const buffer = Buffer.allocUnsafeSlow(bufferSize);
  for (const item of items) {
    if (item === undefined) {
      yield;
      continue;
    }
    const file = item.open === undefined ? undefined : unlessGone(item.open);
    if (item.open !== undefined && file === undefined) continue;
    writer.entry(item.entry, { typeBits: item.typeBits });
    if (file !== undefined) yield* content(file, item.entry.size, writer, buffer);
    writer.endEntry();
    yield;
  }
  writer.end();
}

function* content(fd: number, size: number, writer: TarWriter, buffer: Buffer): Generator<void, void, void> {
  try {
    for (let at = 0; at < size;) {
      const wanted = Math.min(buffer.length, size - at);
      let count = sys.read(fd, buffer, 0, wanted);
      if (count === 0) {
        buffer.fill(0, 0, wanted);
        count = wanted;
      }
      writer.data(count === buffer.length ? buffer : buffer.subarray(0, count));
      at += count;
      yield;
    }
  } finally {
    sys.close(fd);
  }
}
