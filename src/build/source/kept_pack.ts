/**
 * The folder in which a context's contents are kept between builds.
 *
 *     index      magic (16 bytes) · sha256 of all that follows (32) · name of the pack (16)
 *                · for each content: its sha256 (32), offset and size (doubles of this machine)
 *     <16 hex>   the pack: contents one after the other. What the index does not name is nobody's
 *
 * A pack only grows, so who has it open may read on whatever is written; a smaller one has another name. Nothing is flushed:
 * what a loss of power leaves is told by the digests.
 */
import { hash, randomBytes } from "node:crypto";
import {
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { ContentFile, type Place } from "./content_file.ts";

export interface KeptPack {
  readonly name: string;
  readonly file: ContentFile;
  /** Bytes of the file. */
  readonly size: number;
  /** By sha256 in hex. */
  readonly places: ReadonlyMap<string, Place>;
}

const magic = Buffer.from("varve-kept-files");
const digestLength = 32;
const bodyStart = magic.length + digestLength;
const entryLength = digestLength + 16;
const indexName = "index";

export const newPackName = (): string => randomBytes(8).toString("hex");

/** Where the time of the last use is, too. */
export const indexOf = (folder: string): string => join(folder, indexName);

/** Undefined: there is none, or none that is whole. */
export function openPack(folder: string): KeptPack | undefined {
  const index = readIndex(folder);
  if (index === undefined) return undefined;
  try {
    const fd = openSync(join(folder, index.name), "r+");
    return { ...index, file: new ContentFile(fd), size: fstatSync(fd).size };
  } catch {
    // Somebody has just removed it.
    return undefined;
  }
}

function readIndex(folder: string): Pick<KeptPack, "name" | "places"> | undefined {
  try {
    return decodeIndex(readFileSync(indexOf(folder)));
  } catch {
    return undefined;
  }
}

/** Undefined for anything that was not written by {@link encodeIndex}, to its last byte. */
export function decodeIndex(bytes: Buffer): Pick<KeptPack, "name" | "places"> | undefined {
  if (bytes.length < bodyStart + magic.length || !bytes.subarray(0, magic.length).equals(magic))
    return undefined;
  const body = bytes.subarray(bodyStart);
  if (!hash("sha256", body, "buffer").equals(bytes.subarray(magic.length, bodyStart))) return undefined;
  const places = new Map<string, Place>();
  for (let at = 16; at < body.length; at += entryLength) {
    const offset = body.readDoubleLE(at + digestLength);
    places.set(body.toString("hex", at, at + digestLength), {
      offset,
      size: body.readDoubleLE(at + digestLength + 8),
    });
  }
  return { name: body.toString("latin1", 0, 16), places };
}

/** @param name 16 characters */
export function encodeIndex(name: string, places: ReadonlyMap<string, Place>): Buffer {
  const body = Buffer.alloc(16 + places.size * entryLength);
  body.write(name, "latin1");
  let at = 16;
  for (const [digest, { offset, size }] of places) {
    body.write(digest, at, "hex");
    body.writeDoubleLE(offset, at + digestLength);
    body.writeDoubleLE(size, at + digestLength + 8);
    at += entryLength;
  }
  return Buffer.concat([magic, hash("sha256", body, "buffer"), body]);
}

/** From here on the pack `name` is the context's; what else lies in the folder goes. */
export function putIndex(folder: string, name: string, places: ReadonlyMap<string, Place>): void {
  const temporary = join(folder, `${newPackName()}.tmp`);
  writeFileSync(temporary, encodeIndex(name, places), { flag: "wx", mode: 0o600 });
  renameSync(temporary, indexOf(folder));
  for (const other of readdirSync(folder))
    if (other !== name && other !== indexName) rmSync(join(folder, other), { force: true });
}

export function makeFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
}
