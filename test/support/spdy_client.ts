/** What a client of Kubernetes' streams over SPDY/3.1 sends. */
import { constants, createDeflate } from "node:zlib";
import { spdyDictionary } from "../../src/cri/streaming/spdy_dictionary.ts";
import { controlFrame, frameTypes } from "../../src/cri/streaming/spdy_frames.ts";

/** One for each connection, whose headers share a compression. */
export class SpdyOpener {
  readonly #deflate = createDeflate({ dictionary: spdyDictionary });
  #next = 1;

  /** @returns the frame that opens a stream, which are numbered 1, 3, 5 and so on */
  async open(headers: Readonly<Record<string, string>>): Promise<Buffer> {
    const chunks: Buffer[] = [];
    this.#deflate.on("data", (chunk: Buffer) => void chunks.push(chunk));
    const entries = Object.entries(headers);
    const words = entries.flat().flatMap((word) => [number(word.length), Buffer.from(word)]);
    this.#deflate.write(Buffer.concat([number(entries.length), ...words]));
    await new Promise<void>((resolve) => {
      this.#deflate.flush(constants.Z_SYNC_FLUSH, () => resolve());
    });
    this.#deflate.removeAllListeners("data");
    const head = Buffer.concat([number(this.#next), Buffer.alloc(6)]);
    this.#next += 2;
    return controlFrame(frameTypes.synStream, Buffer.concat([head, ...chunks]));
  }
}

/** Frames that open streams of these kinds. */
export async function opening(kinds: readonly string[]): Promise<Buffer> {
  const opener = new SpdyOpener();
  const frames: Buffer[] = [];
  for (const kind of kinds) frames.push(await opener.open({ streamtype: kind }));
  return Buffer.concat(frames);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
