/** SPDY/3.1 as far as Kubernetes' clients use it (The SPDY Protocol 3.1, 2.2 and 2.6): frames, taken apart and made. */
import { createInflate, constants, type Inflate } from "node:zlib";
import { Failure } from "../../errors.ts";
import { spdyDictionary } from "./spdy_dictionary.ts";

const headSize = 8;
/** Kubernetes' clients write at most 32 KiB at a time. */
const longestFrame = 1 << 20;
const longestHeaders = 64 << 10;
const version = 3;

export const frameTypes = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  ping: 6,
  goAway: 7,
  headers: 8,
} as const;
const finFlag = 1;

export type SpdyFrame =
  | { readonly kind: "data"; readonly stream: number; readonly fin: boolean; readonly bytes: Buffer }
  | { readonly kind: "control"; readonly type: number; readonly fin: boolean; readonly bytes: Buffer };

/** Takes frames apart as they come. @throws Failure("invalid") for what is none */
export class SpdyReader {
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes without which nothing can be done: those that come are not joined before. */
  #needed = headSize;

  *read(chunk: Buffer): Generator<SpdyFrame, void, undefined> {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size < this.#needed) return;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    for (this.#needed = sizeOfFrame(rest); rest.length >= this.#needed; this.#needed = sizeOfFrame(rest)) {
      const frame = rest.subarray(0, this.#needed);
      rest = rest.subarray(this.#needed);
      yield read(frame);
    }
    [this.#chunks, this.#size] = [[rest], rest.length];
  }
}

/** Of the first one; of its head, where that is not whole. */
function sizeOfFrame(bytes: Buffer): number {
  if (bytes.length < headSize) return headSize;
  const length = bytes.readUIntBE(5, 3);
  if (length > longestFrame) throw new Failure("limit", `spdy: a frame of ${length} bytes`);
  return headSize + length;
}

function read(frame: Buffer): SpdyFrame {
  const first = frame.readUInt32BE(0);
  const fin = ((frame[4] as number) & finFlag) !== 0;
  const bytes = frame.subarray(headSize);
  if (first < 0x8000_0000) return { kind: "data", stream: first, fin, bytes };
  if (((first >>> 16) & 0x7fff) !== version) throw new Failure("invalid", "spdy: another version");
  return { kind: "control", type: first & 0xffff, fin, bytes };
}

/** The headers of a connection share one compression. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({
    dictionary: spdyDictionary,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  #chunks: Buffer[] = [];
  #size = 0;

  constructor() {
    this.#inflate.on("data", (chunk: Buffer) => {
      this.#size += chunk.length;
      if (this.#size <= longestHeaders) this.#chunks.push(chunk);
      else this.#inflate.destroy(new Failure("limit", "spdy: headers that are too long"));
    });
  }

  /** Names in lower case. @throws Failure, or zlib's error, for what makes no sense */
  async read(block: Buffer): Promise<Map<string, string>> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#inflate.once("error", reject);
    this.#inflate.write(block, (error) => (error ? reject(error) : resolve()));
    await promise;
    this.#inflate.off("error", reject);
    const all = Buffer.concat(this.#chunks);
    [this.#chunks, this.#size] = [[], 0];
    return parse(all);
  }

  close(): void {
    this.#inflate.on("error", () => undefined);
    this.#inflate.destroy();
  }
}

function parse(bytes: Buffer): Map<string, string> {
  const headers = new Map<string, string>();
  let at = 0;
  const number = (): number => {
    if (at + 4 > bytes.length) throw new Failure("invalid", "spdy: headers end too soon");
    at += 4;
    return bytes.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (at + length > bytes.length) throw new Failure("invalid", "spdy: headers end too soon");
    at += length;
    return bytes.toString("latin1", at - length, at);
  };
  for (let left = number(); left > 0; left--) headers.set(text().toLowerCase(), text());
  return headers;
}

export function dataFrame(stream: number, bytes: Uint8Array, fin = false): Buffer {
  return frame(stream, fin, bytes);
}

export function controlFrame(type: number, bytes: Uint8Array, fin = false): Buffer {
  return frame(((0x8000 | version) << 16) | type, fin, bytes);
}

function frame(first: number, fin: boolean, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(headSize);
  head.writeUInt32BE(first >>> 0, 0);
  head[4] = fin ? finFlag : 0;
  head.writeUIntBE(bytes.length, 5, 3);
  return Buffer.concat([head, bytes]);
}

/**
 * No headers: 32 bits of zero, stored without compression, which needs no dictionary (RFC 1951, 3.2.4). The empty block behind
 * them is a sync flush: without it Go's reader looks for more, and takes the end of the frame for an error.
 */
const storedNothing = Buffer.from([0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
const zlibHead = Buffer.from([0x78, 0x01]);

/** @param isFirst whether it is the first on its connection */
export function synReply(stream: number, isFirst: boolean): Buffer {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(stream);
  const block = isFirst ? Buffer.concat([zlibHead, storedNothing]) : storedNothing;
  return controlFrame(frameTypes.synReply, Buffer.concat([id, block]));
}
