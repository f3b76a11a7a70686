/** A build's input. */
import type { ClientMemory, SourceTree } from "../../../build/index.ts";
import type { IgnoreMatcher } from "../../../dockerfile/index.ts";

export interface DockerfileText {
  /** For messages: `Dockerfile`. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface OpenedContext extends AsyncDisposable {
  readonly dockerfile: DockerfileText;
  /** Without what `.dockerignore` leaves out; undefined: there are no files, only a Dockerfile. */
  readonly files?: SourceTree;
  /** What `.dockerignore` leaves out. */
  readonly ignore?: IgnoreMatcher;
}

export interface ContextPlace {
  /** On the store's disk; gone with the build. */
  readonly temporaryDirectory: string;
  /** What earlier builds have read of a client's directory of that name. Default: nothing is known. */
  readonly memoryOf?: (name: string) => ClientMemory;
  readonly signal: AbortSignal;
}

/** A context that neither this machine nor the network has: it is opened when the build is ready for it. */
export interface ClientContext {
  /** What builds from the same files have in common, by which misses of the cache are explained. */
  readonly name: string;
  open(place: ContextPlace): Promise<ClientFiles>;
}

/** As {@link OpenedContext}, but that the files are asked for when the first is wanted. */
export interface ClientFiles extends Omit<OpenedContext, "files"> {
  readonly files: () => Promise<SourceTree>;
}

/** The same for a named context. The tree is disposed of with the build. */
export type OpensTree = (place: ContextPlace) => Promise<SourceTree>;
