/** Re-assembles an archive from its tar-split record and the unpacked files. */
import { fromText, type ByteString } from "../byte_string.ts";
import type { ByteSource } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { Crc64 } from "./crc64.ts";
import { quoted } from "./text.ts";

/** An unpacked file, open for reading. Methods may be synchronous, which is faster, or not. */
export interface SplitFile {
  /** Reads on into `into`; returns the number of bytes, 0 at the end. */
  read(into: Uint8Array): number | Promise<number>;
  close(): void | Promise<void>;
}

export interface AssembleOptions {
  /** Bytes of the chunks that are yielded; default 1 MiB. */
  readonly chunkSize?: number;
}

/** Longest line taken: a piece of 3 MiB in base64, with room for what other writers do. */
const maxLine = 64 << 20;

/**
 * The exact bytes of the archive whose record is given as JSON lines (already decompressed). `openFile` is asked for
 * each file that has content, by the name as the archive spells it (`./bin/sh`, `/bin/sh`); it must resolve it inside
 * the layer.
 *
 * Throws `Failure("corrupt")` for a malformed record, and with Docker's text for a file that is not what it was when
 * the record was written; and whatever `openFile` and the files throw.
 */
export async function* assembleTar(
  lines: ByteSource,
  openFile: (name: ByteString) => SplitFile | Promise<SplitFile>,
  options: AssembleOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { chunkSize = 1 << 20 } = options;
  const crc = new Crc64();
  let chunk = Buffer.allocUnsafeSlow(chunkSize);
  let used = 0;
  const next = () => {
    const full = chunk;
    chunk = Buffer.allocUnsafeSlow(chunkSize);
    used = 0;
    return full;
  };
  for await (const batch of recordsOf(lines)) {
    for (const record of batch) {
      if (record.kind === "segment") {
        for (let at = 0; at < record.bytes.length;) {
          const copied = record.bytes.copy(chunk, used, at);
          at += copied;
          used += copied;
          if (used === chunkSize) yield next();
        }
        continue;
      }
      const file = await openFile(record.name);
      try {
        let left = record.size;
        while (left > 0) {
          const into = chunk.subarray(used, used + Math.min(left, chunkSize - used));
          const result = file.read(into);
          const read = typeof result === "number" ? result : await result;
          if (read === 0) break;
          crc.update(read === into.length ? into : into.subarray(0, read));
          left -= read;
          used += read;
          if (used === chunkSize) yield next();
        }
        if (crc.take() !== record.crc || left > 0) {
          throw new Failure("corrupt", `file integrity checksum failed for ${quoted(record.name)}`);
        }
      } finally {
        await file.close();
      }
    }
  }
  if (used > 0) yield chunk.subarray(0, used);
}

export type SplitRecord =
  | { readonly kind: "segment"; readonly bytes: Buffer }
  | { readonly kind: "file"; readonly name: ByteString; readonly size: number; readonly crc: string };

/** The records of each chunk of lines; files without content are left out. */
export async function* recordsOf(lines: ByteSource): AsyncGenerator<SplitRecord[], void, undefined> {
  let rest: Uint8Array[] = [];
  let restLength = 0;
  let number = 0;
  for await (const chunk of lines) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const records: SplitRecord[] = [];
    let at = 0;
    for (let end = bytes.indexOf(0x0a); end >= 0; end = bytes.indexOf(0x0a, at)) {
      let line = bytes.subarray(at, end);
      if (restLength > 0) line = Buffer.concat([...rest, line]);
      rest = [];
      restLength = 0;
      at = end + 1;
      const record = parseRecord(line, ++number);
      if (record !== undefined) records.push(record);
    }
    if (at < bytes.length) {
      rest.push(bytes.subarray(at));
      restLength += bytes.length - at;
      if (restLength > maxLine)
        throw new Failure("limit", `tar-split record: line ${number + 1} is too long`);
    }
    yield records;
  }
  const last = restLength > 0 ? parseRecord(Buffer.concat(rest), ++number) : undefined;
  if (last !== undefined) yield [last];
}

const segmentStart = '{"type":2,"payload":"';

function parseRecord(line: Buffer, number: number): SplitRecord | undefined {
  // Nearly all bytes are payload: taking it out without JSON.parse halves the time.
  const text = line.toString("latin1");
  if (text.startsWith(segmentStart)) {
    const end = text.indexOf('"', segmentStart.length);
    if (end > 0 && /^","position":[0-9]+\}\r?$/.test(text.slice(end, end + 40))) {
      return { kind: "segment", bytes: Buffer.from(text.slice(segmentStart.length, end), "base64") };
    }
  }
  if (text.trim() === "") return undefined;
  let value: { type?: unknown; name?: unknown; name_raw?: unknown; size?: unknown; payload?: unknown } | null;
  try {
    value = JSON.parse(line.toString("utf8"));
  } catch (error) {
    throw new Failure("corrupt", `tar-split record: line ${number} is not JSON`, { cause: error });
  }
  const { type, name = "", name_raw: raw, size = 0, payload = null } = value ?? {};
  if (type === 2 && (typeof payload === "string" || payload === null)) {
    return { kind: "segment", bytes: Buffer.from(payload ?? "", "base64") };
  }
  if (type === 1 && typeof name === "string" && Number.isSafeInteger(size)) {
    if ((size as number) <= 0) return undefined;
    const bytes = typeof raw === "string" ? Buffer.from(raw, "base64").toString("latin1") : fromText(name);
    return { kind: "file", name: bytes, size: size as number, crc: String(payload) };
  }
  throw new Failure("corrupt", `tar-split record: line ${number} is neither a segment nor a file`);
}
