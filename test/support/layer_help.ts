/** Layers for tests. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { collect } from "../../src/bytes/index.ts";
import {
  type AppliedLayer,
  type ApplyLimits,
  type DiffOptions,
  diffLayer,
  LayerApplier,
  type WhiteoutStyle,
} from "../../src/layer/index.ts";
import { TarParser } from "../../src/tar/index.ts";
import type { PackedFile } from "./tar_help.ts";
import { parseTar, tarFile, tarOf } from "./tar_help.ts";

/** A directory entry. */
export function dir(path: string, fields: Partial<PackedFile["entry"]> = {}): PackedFile {
  return tarFile({ path, type: "directory", mode: 0o755, ...fields });
}

export interface ApplyHelp {
  readonly style?: WhiteoutStyle;
  readonly limits?: ApplyLimits;
}

/** Unpacks a tar, or the files that one is made of, into `directory`. */
export function applyTar(
  directory: string,
  tar: Buffer | readonly PackedFile[],
  { style = "overlay", limits = {} }: ApplyHelp = {},
): AppliedLayer {
  using applier = new LayerApplier({ directory, whiteouts: style, ownership: "exact" }, limits);
  const parser = new TarParser(applier);
  parser.write(Buffer.isBuffer(tar) ? tar : tarOf(tar, { nanoseconds: true }));
  parser.end();
  return applier.finish();
}

/** A new directory in a scratch directory. */
export function subdirectory(parent: string, name: string): string {
  const path = join(parent, name);
  mkdirSync(path);
  return path;
}

/** The layer tar of a directory. */
export async function diffTar(options: Omit<DiffOptions, "signal">): Promise<Buffer> {
  const source = diffLayer({ ...options, signal: new AbortController().signal });
  return Buffer.from(await collect(source, 1 << 30));
}

/** Paths of a tar in order, with a letter for the kind where it is no file or directory. */
export function listTar(tar: Buffer): string[] {
  return parseTar(tar).map(({ entry }) => {
    if (entry.type === "file" || entry.type === "directory") return entry.path;
    return `${entry.path} (${entry.type}${entry.linkPath === "" ? "" : ` ${entry.linkPath}`})`;
  });
}
