/** Building as a library: one call. */
import type { Engine } from "../engine.ts";
import type { BuildOutcome, BuildRequest } from "./types.ts";

export interface LibraryBuild extends Omit<BuildRequest, "context" | "signal"> {
  /** Holds the store in which the image will be. */
  readonly engine: Engine;
  readonly signal?: AbortSignal;
}

/**
 * Builds an image: `await build(".", { engine, tags: ["app:1"] })`. See `Builds.build`.
 * @param context a directory, a tar file, a URL or a git reference
 */
export function build(context: string, options: LibraryBuild): Promise<BuildOutcome> {
  const { engine, signal = new AbortController().signal, ...request } = options;
  return engine.builds.build({ ...request, context, signal });
}
