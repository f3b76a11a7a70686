/** What a context is, told from its beginning. */
import { detectCompression, peek, type ByteSource } from "../../../bytes/index.ts";

const blockSize = 512;

/** {@link peek} as far as is needed to tell. */
export const peekSource = (source: ByteSource): ReturnType<typeof peek> => peek(source, blockSize);

/** A tar in any compression; as Docker decides between a context and a lone Dockerfile (docker/cli, build/context.go). */
export function isArchiveHead(first: Uint8Array): boolean {
  const head = first.subarray(0, blockSize);
  return detectCompression(head) !== "none" || hasTarChecksum(head);
}

/** The first header's checksum (POSIX pax, "ustar Interchange Format"): the sum of its bytes, its own field as blanks. */
function hasTarChecksum(head: Uint8Array): boolean {
  if (head.length < blockSize) return false;
  const field = Buffer.from(head.subarray(148, 156)).toString("latin1");
  const told = /^[ 0]*([0-7]+)[ \0]*$/.exec(field)?.[1];
  if (told === undefined) return false;
  let sum = 8 * 0x20;
  for (const [at, byte] of head.entries()) if (at < 148 || at >= 156) sum += byte;
  return sum === Number.parseInt(told, 8);
}
