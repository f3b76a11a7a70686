/** `--output type=local`: the result's files in a directory (buildkit, session/filesync; fsutil). */
import { mkdir } from "node:fs/promises";
import { throwIfCancelled, type ByteSource } from "../../../bytes/index.ts";
import { LayerApplier } from "../../../layer/index.ts";
import { TarParser } from "../../../tar/index.ts";
import type { ContextPlace } from "../context/types.ts";

/** Takes a root filesystem's tar, to make its files elsewhere. @param place for what has to be laid down meanwhile */
export type TakesFiles = (tar: ByteSource, place: ContextPlace) => Promise<void>;

/**
 * Unpacks a root filesystem's tar. Everything belongs to the caller; what is there already stays unless the tar has the
 * same name. Nothing outside of the directory is touched, whatever the tar or the directory's symlinks say.
 */
export async function writeFiles(directory: string, tar: ByteSource, signal: AbortSignal): Promise<void> {
  await mkdir(directory, { recursive: true });
  using applier = new LayerApplier({ directory, whiteouts: "remove", ownership: "best-effort" });
  const owner = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const parser = new TarParser({
    entry: (entry) => applier.entry({ ...entry, ...owner }),
    data: (chunk, offset) => applier.data(chunk, offset),
    endEntry: () => applier.endEntry(),
  });
  for await (const chunk of tar) {
    throwIfCancelled(signal);
    parser.write(chunk);
  }
  parser.end();
  applier.finish();
}
