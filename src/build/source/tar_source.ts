/** A build context that came as a tar, read where it lies without unpacking it. */
import { randomBytes } from "node:crypto";
import { closeSync, openSync, unlinkSync, write } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { type ByteSource, decompress } from "../../bytes/index.ts";
import type { IgnoreMatcher } from "../../dockerfile/index.ts";
import { Failure } from "../../errors.ts";
import { TarParser } from "../../tar/index.ts";
import { TreeBranch } from "../../union/index.ts";
import { BranchSource } from "./branch_source.ts";
import { withIgnored } from "./ignored_source.ts";
import { defaultBytes, type IndexLimits, TarIndex } from "./index_tar.ts";
import type { SourceTree } from "./types.ts";

export interface TarSourceOptions {
  /** Where the tar is kept, decompressed, in a file without a name: nothing stays behind, whatever happens. */
  readonly directory: string;
  /** Default `context`. */
  readonly name?: string;
  readonly ignored?: IgnoreMatcher;
  readonly limits?: IndexLimits;
  readonly signal: AbortSignal;
}

/**
 * Takes a tar in any compression to its end. All belongs to root, whoever packed it.
 * @throws Failure("corrupt") for what is no tar, Failure("invalid") for entries that lead outside or make no sense,
 *   Failure("limit"), Failure("no-space"), and what `tar` throws
 */
export async function openTarSource(tar: ByteSource, options: TarSourceOptions): Promise<SourceTree> {
  const { directory, name = "context", ignored, limits, signal } = options;
  using opened = new DisposableStack();
  const fd = opened.adopt(openNameless(directory), closeSync);
  const index = await spool(tar, fd, limits, signal);
  const branch = opened.use(new TreeBranch(index.root, [fd]));
  const tree = new BranchSource(name, branch, opened.move());
  return ignored === undefined ? tree : withIgnored(tree, ignored);
}

function openNameless(directory: string): number {
  const path = join(directory, `context-${randomBytes(8).toString("hex")}.tar`);
  const fd = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  return fd;
}

async function spool(
  tar: ByteSource,
  fd: number,
  limits: IndexLimits = {},
  signal: AbortSignal,
): Promise<TarIndex> {
  const index = new TarIndex(limits);
  let position = 0;
  const count = (chunk: Uint8Array): void => void (position += chunk.length);
  const parser = new TarParser(
    { entry: (entry) => index.add(entry, position), data: () => undefined, endEntry: () => undefined },
    { raw: { raw: count, content: count, beginContent: () => undefined } },
  );
  for await (const chunk of decompress(tar, { signal, maxBytes: limits.bytes ?? defaultBytes })) {
    parser.write(chunk);
    await writeAll(fd, chunk);
  }
  parser.end();
  return index;
}

const writeLater = promisify(write);

async function writeAll(fd: number, chunk: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < chunk.length;)
      at += (await writeLater(fd, chunk, at, chunk.length - at, null)).bytesWritten;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    throw new Failure("no-space", "the build context does not fit: no space left on device", {
      cause: error,
    });
  }
}
