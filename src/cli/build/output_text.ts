/** Text out of chunks of bytes, of several streams at once: characters may be cut in two by their ends. */
import { StringDecoder } from "node:string_decoder";

export class OutputText {
  readonly #decoders = new Map<string, StringDecoder>();

  add(stream: string, chunk: Uint8Array): string {
    const decoder = this.#decoders.get(stream) ?? new StringDecoder("utf8");
    this.#decoders.set(stream, decoder);
    return decoder.write(Buffer.from(chunk));
  }
}
