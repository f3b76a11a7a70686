/** Takes a client's web socket frames apart as they come; no frame is kept whole (RFC 6455, 5.2). */

export type WebSocketEvent =
  | {
      readonly kind: "data";
      readonly bytes: Buffer;
      /** Whether a message begins with these bytes, or ends with them. */
      readonly first: boolean;
      readonly last: boolean;
    }
  | { readonly kind: "ping"; readonly bytes: Buffer }
  | { readonly kind: "pong" | "close" | "broken" };

const mostOfHead = 14;
const longestControl = 125;

interface Frame {
  readonly opcode: number;
  /** Whether its message ends with it. */
  readonly final: boolean;
  readonly mask: Buffer;
  /** Bytes that are still to come. */
  left: number;
  /** Bytes that have come, for the mask. */
  seen: number;
  /** Of a control frame. */
  content: Buffer;
}

export class WebSocketReader {
  #head = Buffer.alloc(0);
  #frame: Frame | undefined;
  #over = false;

  /** What is in `chunk`. After `close` and `broken` nothing comes any more. */
  *read(chunk: Buffer): Generator<WebSocketEvent, void, undefined> {
    let rest = chunk;
    while (!this.#over && (rest.length > 0 || this.#frame?.left === 0)) {
      if (this.#frame === undefined) {
        const taken = this.#readHead(rest);
        if (taken === "broken") return yield this.#end("broken");
        rest = rest.subarray(taken);
        if (this.#frame === undefined) return;
      }
      const frame = this.#frame as Frame;
      const bytes = unmasked(frame, rest.subarray(0, frame.left));
      rest = rest.subarray(bytes.length);
      yield* this.#content(frame, bytes);
    }
  }

  *#content(frame: Frame, bytes: Buffer): Generator<WebSocketEvent, void, undefined> {
    frame.left -= bytes.length;
    if (frame.left === 0) this.#frame = undefined;
    if (frame.opcode < 8) {
      const first = frame.opcode !== 0 && frame.seen === bytes.length;
      if (bytes.length > 0) yield { kind: "data", bytes, first, last: frame.final && frame.left === 0 };
      return;
    }
    frame.content = Buffer.concat([frame.content, bytes]);
    if (frame.left > 0) return;
    if (frame.opcode === 8) yield this.#end("close");
    else if (frame.opcode === 9) yield { kind: "ping", bytes: frame.content };
    else yield { kind: "pong" };
  }

  #end(kind: "close" | "broken"): WebSocketEvent {
    this.#over = true;
    return { kind };
  }

  /** @returns how many bytes belong to the head; `broken` for what no client may send */
  #readHead(bytes: Buffer): number | "broken" {
    const before = this.#head.length;
    const head = Buffer.concat([this.#head, bytes.subarray(0, mostOfHead - before)]);
    const size = headSize(head);
    if (size === undefined || head.length < size) {
      this.#head = head;
      return Math.min(bytes.length, mostOfHead - before);
    }
    this.#head = Buffer.alloc(0);
    const [first = 0, second = 0] = head;
    const opcode = first & 0x0f;
    const length = lengthOf(head, second & 0x7f);
    const known = opcode <= 2 || (opcode >= 8 && opcode <= 10);
    const reserved = (first & 0x70) !== 0;
    const tooLong = length > BigInt(opcode < 8 ? Number.MAX_SAFE_INTEGER : longestControl);
    if (!known || reserved || (second & 0x80) === 0 || tooLong) return "broken";
    const mask = head.subarray(size - 4, size);
    const final = (first & 0x80) !== 0;
    this.#frame = { opcode, final, mask, left: Number(length), seen: 0, content: Buffer.alloc(0) };
    return size - before;
  }
}

/** Undefined: there are not enough bytes to tell. */
function headSize(head: Buffer): number | undefined {
  const second = head[1];
  if (second === undefined) return undefined;
  const short = second & 0x7f;
  const mask = (second & 0x80) === 0 ? 0 : 4;
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + mask;
}

function lengthOf(head: Buffer, short: number): bigint {
  if (short === 126) return BigInt(head.readUInt16BE(2));
  return short === 127 ? head.readBigUInt64BE(2) : BigInt(short);
}

function unmasked(frame: Frame, bytes: Buffer): Buffer {
  const clear = Buffer.allocUnsafe(bytes.length);
  for (let i = 0; i < bytes.length; i++) {
    clear[i] = (bytes[i] as number) ^ (frame.mask[(frame.seen + i) & 3] as number);
  }
  frame.seen += bytes.length;
  return clear;
}
