/**
 * Names on Linux are bytes, not text. A {@link ByteString} is a string in which every character stands for
 * one byte (0 to 255, "latin1"), so that any name survives every round trip, comparison by `<` is comparison
 * of bytes, and an ASCII name looks like itself. Tar names, link targets, directory entries and xattr names
 * are byte strings everywhere below `engine/`; text is made only where a person reads it.
 */
export type ByteString = string;

/** UTF-8 text to the bytes that spell it. */
export function fromText(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** The text that the bytes spell in UTF-8; bytes that are not UTF-8 become U+FFFD. For people, not for paths. */
export function toText(bytes: ByteString): string {
  return isAscii(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

// eslint-disable-next-line no-control-regex
const nonAscii = /[^\x00-\x7f]/;

/** Whether the string holds only bytes below 0x80, so that it is the same in latin1 and in UTF-8. */
export function isAscii(value: string): boolean {
  return !nonAscii.test(value);
}
