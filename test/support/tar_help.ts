/** Archives for tests. */
import { TarParser, TarSplitWriter, TarWriter, type RawSink, type TarEntry } from "../../src/tar/index.ts";

export interface PackedFile {
  readonly entry: TarEntry;
  readonly body: Buffer;
}

/** An entry with the given fields; all others as plain as can be. The size is the body's. */
export function tarFile(
  fields: Partial<TarEntry> & { path: string },
  body: string | Buffer = "",
): PackedFile {
  const bytes = typeof body === "string" ? Buffer.from(body, "latin1") : body;
  const entry: TarEntry = {
    type: "file",
    linkPath: "",
    mode: 0o644,
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
    size: bytes.length,
    mtime: 1_700_000_000,
    mtimeNs: 0,
    devMajor: 0,
    devMinor: 0,
    ...fields,
  };
  return { entry, body: bytes };
}

export interface PackOptions {
  readonly nanoseconds?: boolean;
  readonly typeBits?: boolean;
}

/** The archive of these files. */
export function tarOf(files: readonly PackedFile[], options: PackOptions = {}): Buffer {
  const chunks: Uint8Array[] = [];
  const { nanoseconds = false, typeBits = true } = options;
  const writer = new TarWriter((chunk) => chunks.push(chunk), { nanoseconds });
  for (const { entry, body } of files) {
    writer.entry(entry, { typeBits });
    writer.data(body);
    writer.endEntry();
  }
  writer.end();
  return Buffer.concat(chunks);
}

/** The archive's entries with their content, holes filled in; the archive comes in chunks of `chunkSize`. */
export function parseTar(bytes: Buffer, chunkSize: number = bytes.length, raw?: RawSink): PackedFile[] {
  const files: { entry: TarEntry; body: Buffer }[] = [];
  const parser = new TarParser(
    {
      entry: (entry) => files.push({ entry, body: Buffer.alloc(entry.size) }),
      data: (chunk, offset) => files.at(-1)?.body.set(chunk, offset),
      endEntry: () => undefined,
    },
    raw === undefined ? {} : { raw },
  );
  for (let at = 0; at < bytes.length; at += chunkSize) parser.write(bytes.subarray(at, at + chunkSize));
  parser.end();
  return files;
}

export interface SplitTar {
  /** The JSON lines. */
  readonly record: Buffer;
  /** Content of each file as unpacked, by its path in the archive. */
  readonly files: Map<string, Buffer>;
}

/** Takes an archive apart, as an unpack does. */
export function splitTar(bytes: Buffer, chunkSize: number = bytes.length): SplitTar {
  const chunks: Buffer[] = [];
  const writer = new TarSplitWriter((chunk) => chunks.push(Buffer.from(chunk)));
  const entries = parseTar(bytes, chunkSize, writer);
  writer.end();
  return {
    record: Buffer.concat(chunks),
    files: new Map(entries.map(({ entry, body }) => [entry.path, body])),
  };
}

export interface RawHeader {
  readonly name?: string;
  readonly flag?: string;
  /** Text of the field, as it is to stand there. */
  readonly size?: string | number;
  readonly magic?: string;
  /** Texts by their offset in the block, written last. */
  readonly at?: Readonly<Record<number, string>>;
  /** Added to the right checksum. */
  readonly wrongBy?: number;
}

/** A header block and its content with padding, for archives that no tool would write. */
export function rawEntry(header: RawHeader, body: string | Buffer = ""): Buffer {
  const content = typeof body === "string" ? Buffer.from(body, "latin1") : body;
  const block = Buffer.alloc(512);
  const { name = "file", flag = "0", size = content.length, magic = "ustar\x0000", wrongBy = 0 } = header;
  block.write(name, 0, 100, "latin1");
  for (const at of [100, 108, 116]) block.write("0000644\0", at, "latin1");
  block.write(typeof size === "number" ? `${size.toString(8).padStart(11, "0")}\0` : size, 124, 12, "latin1");
  block.write("14531025000\0", 136, "latin1");
  block.write(flag, 156, "latin1");
  block.write(magic, 257, "latin1");
  for (const [at, text] of Object.entries(header.at ?? {})) block.write(text, Number(at), "latin1");
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), wrongBy);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([block, padded(content)]);
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** A PAX header for the next entry, or for all (`g`). */
export function paxEntry(
  records: readonly (readonly [key: string, value: string])[],
  flag: "x" | "g" = "x",
): Buffer {
  const body = records.map(([key, value]) => paxRecord(key, value)).join("");
  return rawEntry({ name: flag === "x" ? "PaxHeaders.0/file" : "pax_global_header", flag }, body);
}

/** One record with the right length in front. */
export function paxRecord(key: string, value: string): string {
  for (let length = key.length + value.length + 4; ; length++) {
    const text = `${length} ${key}=${value}\n`;
    if (text.length === length) return text;
  }
}

/** The two zero blocks. */
export const tarEnd: Buffer = Buffer.alloc(1024);
