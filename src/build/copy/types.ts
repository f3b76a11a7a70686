/** What `COPY` and `ADD` ask for, and what comes of it. */
import type { ByteSource } from "../../bytes/index.ts";
import type { PackedEntry, TarEntry } from "../../tar/index.ts";
import type { ReadView } from "../../union/index.ts";
import type { SourceTree } from "../source/types.ts";

/** A file given by value. */
export interface InlineFile {
  readonly name: string;
  readonly content: Uint8Array;
}

/** A file that was fetched for `ADD https://…`. */
export interface DownloadedFile {
  /** What it was fetched from, for messages. */
  readonly url: string;
  /** Last part of the URL's path; "" if there is none. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Of the content, in hex. */
  readonly sha256: string;
  /** Seconds since 1970, as the server says; undefined: it does not. */
  readonly mtime?: number;
  /** May be called more than once. */
  open(signal: AbortSignal): ByteSource;
}

export interface CopyRequest {
  readonly kind: "copy" | "add";
  /** Paths and wildcards in the tree, variables expanded. */
  readonly sources: readonly string[];
  /** Here-documents. */
  readonly files: readonly InlineFile[];
  readonly downloads?: readonly DownloadedFile[];
  /** What git references led to: all that is in them is copied. */
  readonly checkouts?: readonly SourceTree[];
  /** Variables expanded. */
  readonly destination: string;
  /** Of the stage; "" is `/`. */
  readonly workingDir: string;
  readonly chown?: string;
  readonly chmod?: string;
  readonly exclude: readonly string[];
  readonly parents: boolean;
  readonly link: boolean;
  readonly unpack?: boolean;
  /**
   * Docker's old builder to the letter. It changes the owner last, and Linux then takes set-id bits and capabilities
   * from files; a file that is named itself loses its attributes in any case. BuildKit keeps all that.
   */
  readonly classic?: boolean;
}

export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

export interface EntriesOptions {
  /** Seconds since 1970, for directories that are made and for here-documents. */
  readonly time: number;
  /** Seconds since 1970; no time is after it. */
  readonly epoch?: number;
  /**
   * Text of /etc/passwd and /etc/group, "" where there is none, for names in `--chown`; default: those of the view. With
   * `--link` whoever calls may have no view but of nothing.
   */
  readonly accounts?: Accounts;
  /**
   * Is given the directories that the image has, to correct what the view shows of them (where an ordinary user unpacked
   * the image, all is owned by him). Called once, before the first entry.
   */
  readonly correct?: (existing: readonly TarEntry[]) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface CopyPlan {
  /**
   * sha256 in hex over all that is copied: names below the destination, kinds, modes, owners, contents, link targets and
   * attributes. Times do not matter (behaviours B076).
   */
  readonly digest: string;
  /** Paths in the source, each with a short text that changes with what is there; of at most 50,000. Made when it is asked for. */
  readonly items: ReadonlyMap<string, string>;
  /**
   * The entries of the layer on top of `view` (with `--link`, on top of nothing), each directory before what it holds,
   * sorted by the bytes of names; only files of unpacked archives come after all others. None if nothing is changed.
   * May be called more than once. Throws `Failure("invalid")` for what does not fit on the image, for a name that no layer
   * can hold, for an unknown owner; `Failure("conflict")` if a source has changed since it was planned.
   */
  entries(view: ReadView, options: EntriesOptions): AsyncIterable<PackedEntry>;
}
