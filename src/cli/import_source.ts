/** What `varve import` reads: a file, standard input, or what an HTTP server has (behaviours B109). */
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import { fromFile, type ByteSource } from "../bytes/index.ts";
import { Failure } from "../errors.ts";

export interface ImportSource {
  readonly bytes: ByteSource;
  /** How history calls it; Docker's client sends a file as it sends standard input. */
  readonly name: string;
}

/** Throws `Failure("not-found")` for a missing file, `Failure("unavailable")` for a server that does not give it. */
export async function importSource(
  source: string,
  stdin: Readable,
  options: { readonly signal: AbortSignal },
): Promise<ImportSource> {
  if (source === "-") return { bytes: stdin, name: "-" };
  if (/^https?:\/\//.test(source)) return { bytes: await download(source, options), name: source };
  if (!existsSync(source)) throw new Failure("not-found", `open ${source}: no such file or directory`);
  return { bytes: fromFile(source, options), name: "-" };
}

async function download(url: string, { signal }: { readonly signal: AbortSignal }): Promise<ByteSource> {
  const response = await fetch(url, { signal }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    const cause =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new Failure("unavailable", `Get "${url}": ${cause}`, { cause: error });
  });
  if (!response.ok || response.body === null) {
    throw new Failure("unavailable", `Get "${url}": ${response.status} ${response.statusText}`);
  }
  return response.body;
}
