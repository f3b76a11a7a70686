/** The superblock and the table of devices behind it. */
import { hash } from "node:crypto";
import { crc32c } from "./crc32c.ts";
import * as format from "./format.ts";
import type { Image } from "./image.ts";
import type { Addresses } from "./write_inode.ts";

const MAGIC = 0xe0f5_e1e2;
const COMPAT_CHECKSUM = 1;
const COMPAT_MTIME = 2;
const INCOMPAT_CHUNKED_FILE = 4;
const INCOMPAT_DEVICE_TABLE = 8;

export interface SuperblockFields {
  readonly rootNid: number;
  readonly inodes: number;
  /** Sizes of the devices in blocks. */
  readonly devices: readonly number[];
  readonly addresses: Addresses;
}

const superWord = format.SUPER_AT / 4;
const tableAt = format.SUPER_AT + format.SUPER_SIZE;

/** Where inodes can begin: behind the slots of `devices` devices. */
export function firstInodeAt(devices: number): number {
  return tableAt + devices * format.DEVICE_SLOT;
}

/** Comes last: it holds a digest of all the rest. Fields by words; what is not named stays zero, also all times. */
export function writeSuperblock(image: Image, fields: SuperblockFields): void {
  const { words, bytes } = image;
  const { devices, addresses } = fields;
  writeDevices(words, devices, addresses.sources);
  words[superWord] = MAGIC;
  words[superWord + 2] = COMPAT_CHECKSUM | COMPAT_MTIME;
  words[superWord + 3] = format.BLOCK_BITS | (fields.rootNid << 16);
  words[superWord + 4] = fields.inodes;
  words[superWord + 9] = bytes.length / format.BLOCK;
  // Without devices the bit must be clear: the kernel then wants the count of `device=` options to be that of the table.
  words[superWord + 20] = INCOMPAT_CHUNKED_FILE | (devices.length > 0 ? INCOMPAT_DEVICE_TABLE : 0);
  words[superWord + 21] = devices.length << 16;
  words[superWord + 22] = devices.length > 0 ? tableAt / format.DEVICE_SLOT : 0;
  bytes.set(uuidOf(image), format.SUPER_AT + 48);
  words[superWord + 1] = crc32c(bytes.subarray(format.SUPER_AT, format.SUPER_AT + format.BLOCK));
}

/** Slot: 64 bytes of tag, u32 blocks, u32 first block in the address space of the whole file system. */
function writeDevices(words: Uint32Array, devices: readonly number[], starts: readonly number[]): void {
  let word = tableAt / 4;
  for (const [index, blocks] of devices.entries()) {
    words[word + 16] = blocks;
    words[word + 17] = starts[index] as number;
    word += format.DEVICE_SLOT / 4;
  }
}

/**
 * From the image itself, so that inode numbers mean the same wherever the uuid is the same. Overlayfs keeps uuid and
 * inode number of a file that it has copied up, to give it the same number after the next mount; with a uuid of zeros
 * it would not.
 */
function uuidOf({ bytes }: Image): Uint8Array {
  const uuid = hash("sha256", bytes.subarray(format.SUPER_AT), "buffer").subarray(0, 16);
  // RFC 9562: version 8, for values that are made in a way of one's own.
  uuid[6] = 0x80 | ((uuid[6] as number) & 0x0f);
  uuid[8] = 0x80 | ((uuid[8] as number) & 0x3f);
  return uuid;
}
