/** gzip on all cores. */
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { constants, crc32, deflateRaw } from "node:zlib";
import { abortable } from "./abortable.ts";
import type { CompressOptions } from "./compress_zstd.ts";
import type { ByteSource } from "./place.ts";

const deflate = promisify(deflateRaw);

/** Plain bytes of one job. It decides on the result's bytes, so it must not depend on the machine. */
const blockSize = 512 * 1024;
/** As far back as deflate can refer. */
const windowSize = 32 * 1024;
/** Magic, deflate, no flags, no time, no extra flags, unknown system: what Go's compress/gzip writes too. */
const header = Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff]);

/**
 * Compresses to one gzip member without name and time: the same bytes and level give the same result on every
 * machine and with any number of cores. The content is cut into blocks which are deflated in node's thread pool,
 * each with the end of the block before as its dictionary and ended at a byte boundary (as pigz does it), so the result
 * is hardly larger than that of one thread. Reads ahead as many blocks as there are cores. Default level: 6.
 */
export async function* compressGzip(
  source: ByteSource,
  options: CompressOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { level = 6, signal } = options;
  const atOnce = Math.min(availableParallelism(), 16);
  const jobs: Promise<Uint8Array>[] = [];
  let dictionary: Buffer | undefined;
  let crc = 0;
  let size = 0;
  yield Buffer.from(header); // a chunk belongs to the consumer
  for await (const block of blocksOf(abortable(source, signal))) {
    crc = crc32(block, crc);
    size += block.length;
    const job = deflate(block, {
      level,
      memLevel: 9,
      chunkSize: 128 * 1024,
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(dictionary === undefined ? {} : { dictionary }),
    });
    job.catch(() => undefined); // it is awaited below, but perhaps not if an earlier one fails
    jobs.push(job);
    dictionary = block.subarray(-windowSize);
    if (jobs.length > atOnce) yield await (jobs.shift() as Promise<Uint8Array>);
  }
  for (const job of jobs) yield await job;
  const end = Buffer.alloc(10);
  end[0] = 0x03; // a last deflate block, empty
  end.writeUInt32LE(crc, 2);
  end.writeUInt32LE(size % 2 ** 32, 6);
  yield end;
}

/** The bytes in buffers of `blockSize`; the last one may be shorter. */
async function* blocksOf(source: ByteSource): AsyncGenerator<Buffer, void, undefined> {
  let block = Buffer.allocUnsafeSlow(blockSize);
  let used = 0;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length;) {
      const taken = Math.min(chunk.length - at, blockSize - used);
      block.set(chunk.subarray(at, at + taken), used);
      used += taken;
      at += taken;
      if (used < blockSize) continue;
      yield block;
      block = Buffer.allocUnsafeSlow(blockSize);
      used = 0;
    }
  }
  if (used > 0) yield block.subarray(0, used);
}
