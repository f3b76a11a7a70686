/** A job that is always the same, to see how fast the machine is at the moment. */
import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";

const block = Buffer.alloc(4 << 20, "the same work each time, ");

/** Hashes and compresses the same bytes. @returns the CPU seconds that it took */
export function fixedJob(): number {
  const before = process.cpuUsage();
  const hash = createHash("sha256");
  for (let i = 0; i < 100; i++) hash.update(block);
  for (let i = 0; i < 10; i++) deflateRawSync(block);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}
