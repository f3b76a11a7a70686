/** An image of one large file. */
import { createCipheriv } from "node:crypto";
import { directoryEntry, fileEntry, type ImageRecipe } from "./recipe.ts";
import { numbers, text } from "./text.ts";

const piece = 48 << 10;
const pool = 8 << 20;

/** One layer of one file, which gzip makes about half as large, as it does models, archives and databases. */
export function bigFile(quick: boolean): ImageRecipe {
  const megabytes = quick ? 64 : 1024;
  const size = megabytes * 2 ** 20;
  const file = () => ({ ...fileEntry("srv/data", new Uint8Array(0), { size }), body: content(size) });
  return {
    name: "file",
    title: `1 layer, 1 file of ${megabytes} MiB, about half compressible`,
    key: `file-${megabytes}-1`,
    layers: [() => [directoryEntry("srv"), file()]],
  };
}

/** Pieces of text, each third one of noise. Farther apart than gzip looks back (32 KiB), so text may come again. */
async function* content(size: number): AsyncGenerator<Uint8Array> {
  const words = text(pool, 5);
  const noise = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16));
  const zeros = Buffer.alloc(piece);
  const next = numbers(17);
  for (let at = 0, i = 0; at < size; at += piece, i++) {
    const from = next(pool - piece);
    const bytes = i % 3 === 0 ? noise.update(zeros) : words.subarray(from, from + piece);
    yield bytes.subarray(0, size - at);
  }
}
