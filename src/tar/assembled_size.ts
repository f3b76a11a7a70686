/** Bytes of an archive, told from its tar-split record alone. */
import type { ByteSource } from "../bytes/index.ts";
import { recordsOf } from "./assemble_tar.ts";

/**
 * What `assembleTar` would make of the record, in bytes; no file is looked at. Throws `Failure("corrupt")` for a
 * malformed record.
 */
export async function assembledSize(lines: ByteSource): Promise<number> {
  let size = 0;
  for await (const batch of recordsOf(lines)) {
    for (const record of batch) size += record.kind === "segment" ? record.bytes.length : record.size;
  }
  return size;
}
