/** What a `RUN --mount` needs of the build, and what becomes of it. */
import type { ChainId } from "../../oci/index.ts";
import type { Session, Store } from "../../store/index.ts";
import type { SourceTree } from "../source/types.ts";
import type { AgentSource, Lookup, SecretSource, StepMount } from "../types.ts";

export interface MountPlace {
  readonly store: Store;
  /** Claims what is made for the step; files for it lie in its directory. */
  readonly session: Session;
  /** Absolute; relative targets start there. */
  readonly workingDir: string;
  /**
   * What `from` names: the layers of a stage or image, or a tree of files; undefined is the build context. Layers must stay
   * until the mounts are disposed of.
   */
  sources(from: string | undefined): Promise<{ readonly top: ChainId | undefined } | SourceTree>;
  /**
   * Makes files of a tree, those at `path` and below at least, with the paths that they have there. Returns the directory,
   * which nobody else uses and the caller removes.
   */
  materialize(tree: SourceTree, path: string): Promise<string>;
  readonly secrets: Lookup<SecretSource>;
  readonly ssh: Lookup<AgentSource>;
  /** Told what a mount waits for. */
  readonly onWait?: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Disposal takes away what was made for the step: the command must have ended. */
export interface PreparedMounts extends AsyncDisposable {
  readonly mounts: readonly StepMount[];
  /** `NAME=value`: secrets, and where the agent's socket is. */
  readonly env: readonly string[];
}
