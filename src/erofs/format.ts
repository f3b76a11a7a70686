/**
 * Numbers of the EROFS on-disk format (fs/erofs/erofs_fs.h, all little endian), as much as this writer uses:
 *
 *     image  = 1024 bytes for the caller | superblock | device slots | inodes | blocks
 *     inode  = 64 bytes | xattrs | chunk indexes or inline tail          at a multiple of 32, which is its nid
 *     blocks = directories, long symlinks, copied file data
 *
 * A block has 512 bytes, because that is the unit in which members of a tar are aligned.
 */
export const BLOCK_BITS = 9;
export const BLOCK = 512;

export const SUPER_AT = 1024;
export const SUPER_SIZE = 128;
/** Size of a device slot, and the unit in which the superblock says where the slots begin. */
export const DEVICE_SLOT = 128;

export const INODE_SIZE = 64;
/** An inode's number ("nid") is its place divided by this. */
export const INODE_SLOT = 32;
/** The superblock has 16 bits for the root's nid. */
export const MAX_ROOT_NID = 0xffff;

export const FLAT_PLAIN = 0;
export const FLAT_INLINE = 2;
export const CHUNK_BASED = 4;

/** In a chunk format: indexes of 8 bytes that name a device, instead of 4. */
export const CHUNK_INDEXES = 0x20;
export const CHUNK_INDEX_SIZE = 8;
/** log2 of the blocks in a chunk: the format has five bits for it. */
export const MAX_CHUNK_BITS = 31;

export const DIRENT_SIZE = 12;

/** Block numbers are 32 bits wide, and all ones says "hole". */
export const MAX_BLOCKS = 0xffff_ffff;

/** The smallest multiple of `unit`, a power of two, that is not below `value`. */
export function alignUp(value: number, unit: number): number {
  // Not with `&`: values go beyond 32 bits. Dividing by a power of two is exact.
  return Math.ceil(value / unit) * unit;
}
