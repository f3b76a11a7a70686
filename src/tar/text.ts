/** How bytes of an archive are shown in failure messages. */
import { toText, type ByteString } from "../byte_string.ts";

/** A name in quotes, shortened to 200 characters, control characters escaped. */
export function quoted(name: ByteString): string {
  const text = toText(name);
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text);
}

/** A field's bytes in quotes. */
export function bytesOf(block: Buffer, at: number, length: number): string {
  return quoted(block.toString("latin1", at, at + length));
}
