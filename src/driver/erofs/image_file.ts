/**
 * The file that the kernel mounts for an image: EROFS metadata that maps every file onto ranges of the layers' tars.
 * A cache: made again whenever it is missing, damaged or of other tars. EROFS leaves its first 1024 bytes to others;
 * there stands what it was made of.
 */
import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { buildErofs } from "../../erofs/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import { keptTars, type KeptTars, mergedTree, missingLayerFile, repairHint } from "../../layer/index.ts";
import { digestOf } from "../../oci/index.ts";
import type { DirectoryNode } from "../../union/index.ts";
import type { CacheId } from "../types.ts";
import type { ErofsLayout } from "./erofs_layout.ts";

const title = "varve erofs 1";
const headSize = 1024;

/** A whole image file, to be mounted. */
export interface ImageFile {
  readonly path: string;
  /** The layers' tars and those of which they have parts, in the order in which the image names them. */
  readonly tars: readonly string[];
}

/** @param id an image's uppermost layer @throws Failure("corrupt") if a layer is not as it was stored */
export function ensureImageFile(layout: ErofsLayout, id: CacheId): ImageFile {
  const layers = layout.targets(id);
  const kept = keptTars(layers);
  const sizes = kept.tars.map(sizeOf);
  const origin = originOf(kept, sizes);
  const path = layout.image(id);
  if (!isWhole(path, origin)) writeImage(path, mergedTree(layers, kept), { tars: kept.tars, sizes, origin });
  return { path, tars: kept.tars };
}

/** What tells an image from that of other tars, or of the same with other parts lying elsewhere. */
function originOf({ shared }: KeptTars, sizes: readonly number[]): string {
  const places = shared.every((ranges) => ranges.length === 0) ? "" : ` ${JSON.stringify(shared)}`;
  return digestOf(sizes.join(" ") + places);
}

function sizeOf(tar: string): number {
  try {
    return statSync(tar).size;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ENOENT" ? missingLayerFile(tar, error) : error;
  }
}

/** Reading it all brings it into the page cache, from which the kernel then takes it page by page. */
function isWhole(path: string, origin: string): boolean {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  const head = bytes.toString("latin1", 0, headSize);
  return head.slice(0, head.indexOf("\0")) === headOf(bytes.subarray(headSize), origin);
}

function headOf(body: Uint8Array, origin: string): string {
  return `${title} ${digestOf(body)} of ${origin}\n`;
}

interface Contents {
  readonly tars: readonly string[];
  readonly sizes: readonly number[];
  readonly origin: string;
}

/** Not synced: a file that a loss of power cut short is not whole, and is made again. */
function writeImage(path: string, root: DirectoryNode, contents: Contents): void {
  const bytes = build(path, root, contents);
  bytes.write(headOf(bytes.subarray(headSize), contents.origin), "latin1");
  const temporary = `${path}.${process.pid}`;
  try {
    writeFileSync(temporary, bytes, { mode: 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

function build(path: string, root: DirectoryNode, { tars, sizes }: Contents): Buffer {
  const read = (source: number, offset: number, length: number): Uint8Array =>
    readRange(tars[source] as string, offset, length);
  try {
    return buildErofs(root, sizes, read);
  } catch (error) {
    // What the tar did not hold when it was stored has been refused then: it is another one now, or shorter.
    if (!isFailure(error, "invalid")) throw error;
    throw new Failure("corrupt", `cannot make ${path}: ${error.message}`, {
      cause: error,
      hint: repairHint,
    });
  }
}

function readRange(path: string, offset: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  const fd = openSync(path, "r");
  try {
    for (let done = 0; done < length;) {
      const read = readSync(fd, bytes, done, length - done, offset + done);
      if (read === 0) throw new Failure("corrupt", `layer file ${path} ends before byte ${offset + length}`);
      done += read;
    }
  } finally {
    closeSync(fd);
  }
  return bytes;
}
