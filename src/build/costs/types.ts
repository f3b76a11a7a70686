/** What each line of a Dockerfile costs in the image, measured on the image's layers. */
import type { ByteString } from "../../byte_string.ts";
import type { DiffId } from "../../oci/index.ts";
import type { Span } from "../../dockerfile/index.ts";
import type { CacheOutcome } from "../types.ts";
import type { PackageCache } from "./package_caches.ts";

export interface Amount {
  /** Contents of files, once however many names a file has, and targets of symlinks: Docker's size (behaviours B135). */
  readonly bytes: number;
  /** Files and symlinks. */
  readonly files: number;
}

/** Files of lower layers that a layer covers: they still lie in the image, and nobody can see them. */
export interface HiddenFiles extends Amount {
  /** `copied`: by the same content with other attributes. */
  readonly how: "deleted" | "overwritten" | "copied";
  /** Line of the instruction whose layer has them; undefined: they are the base image's. */
  readonly line?: number;
  readonly cache?: PackageCache;
  /** Some of their paths, without a leading slash. */
  readonly examples: readonly ByteString[];
}

/** What a package manager keeps for the next time, in the layer of a line. */
export interface CachedFiles extends Amount {
  readonly cache: PackageCache;
  readonly examples: readonly ByteString[];
}

export interface LineCost {
  readonly line: number;
  readonly span: Span;
  /** The step's text, as Docker shows it. */
  readonly text: string;
  readonly stageName: string;
  /** Undefined: no layer of its own. */
  readonly diffId?: DiffId;
  /** New content. Of a `FROM`: all that its image brings. */
  readonly added: Amount;
  /** Content that lies below already; only mode, owner, time or attributes differ. */
  readonly copied: Amount;
  /** Content in lower layers that this one deletes or covers. */
  readonly hidden: Amount;
  readonly cache?: CacheOutcome;
  /** `hidden`, by what hides it and whose it was. */
  readonly hides: readonly HiddenFiles[];
  readonly caches: readonly CachedFiles[];
}
