/** Byte strings as C arguments. */
import { Failure } from "../errors.ts";
import { type ByteString, toText } from "../byte_string.ts";

// eslint-disable-next-line no-control-regex
const special = /[^\x01-\x7f]/;

/**
 * The form in which koffi hands `name` to C byte for byte: ASCII as it is (koffi would spell other characters in
 * UTF-8), all else as NUL-terminated bytes.
 * @throws Failure("invalid") for an embedded NUL, which C would take for the end
 */
export function cString(name: ByteString): string | Buffer {
  if (!special.test(name)) return name;
  if (name.includes("\0")) {
    throw new Failure("invalid", `path ${JSON.stringify(toText(name))} contains a NUL byte`);
  }
  return Buffer.from(`${name}\0`, "latin1");
}
