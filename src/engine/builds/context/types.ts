/** A build's input, found and open. */
import type { SourceTree } from "../../../build/index.ts";
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
