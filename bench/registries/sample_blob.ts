/** A large blob that no registry has seen yet. */
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { createReadStream, openSync, closeSync, writeSync } from "node:fs";
import type { Digest } from "../../src/oci/index.ts";

export interface SampleBlob {
  readonly file: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

const piece = 1 << 20;

/** Writes the file, of noise. */
export async function makeBlob(file: string, size: number): Promise<SampleBlob> {
  const noise = createCipheriv("aes-128-ctr", randomBytes(16), Buffer.alloc(16));
  const zeros = Buffer.alloc(piece);
  const fd = openSync(file, "w");
  for (let at = 0; at < size; at += piece) writeSync(fd, noise.update(zeros.subarray(0, size - at)));
  closeSync(fd);
  return { file, digest: await digestOfFile(file), size };
}

/** The same file with another beginning. */
export async function alterBlob({ file, size }: SampleBlob): Promise<SampleBlob> {
  const fd = openSync(file, "r+");
  writeSync(fd, randomBytes(16), 0, 16, 0);
  closeSync(fd);
  return { file, digest: await digestOfFile(file), size };
}

async function digestOfFile(file: string): Promise<Digest> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file, { highWaterMark: piece })) hash.update(chunk as Buffer);
  return `sha256:${hash.digest("hex")}`;
}
