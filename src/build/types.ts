/** What a build is given, what it tells while it runs, and what comes out. */
import type { Duplex } from "node:stream";
import type { ByteSource, Report } from "../bytes/index.ts";
import type { Dockerfile, DockerfileWarning, Span } from "../dockerfile/index.ts";
import type { ChainId, DiffId, Digest, ImageId, Platform, Reference } from "../oci/index.ts";
import type { CacheRecord, Session, Store, StoredImage } from "../store/index.ts";
import type { BuildName } from "./cache/index.ts";
import type { SourceTree } from "./source/types.ts";

/** A mount that a step's command sees. All sources are paths of this machine that stay while the step runs. */
export type StepMount =
  | {
      readonly type: "bind";
      readonly source: string;
      readonly destination: string;
      readonly readOnly: boolean;
    }
  /** `size` in bytes. */
  | { readonly type: "tmpfs"; readonly destination: string; readonly size?: number };

/** One command of a `RUN`, in a root filesystem that is mounted already. */
export interface RunStep {
  /** 64 hex digits. */
  readonly id: string;
  /** Absolute path of the mounted root. */
  readonly rootfs: string;
  readonly args: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly workingDir: string;
  /** As in the image's config: name, id, `user:group`; "" is root. */
  readonly user: string;
  readonly mounts: readonly StepMount[];
  /** `default`, `none`, `host`, or what else {@link BuildOptions.network} says. */
  readonly network: string;
  readonly security: "sandbox" | "insecure";
  /** Lines of /etc/hosts. */
  readonly addHosts: readonly { readonly name: string; readonly address: string }[];
  /** Bytes of the command's streams as they come. */
  readonly onOutput: (stream: "stdout" | "stderr", chunk: Uint8Array) => void;
  /** Our own terminal is the command's (`--on-error=shell`); `onOutput` is not called then. */
  readonly interactive?: boolean;
  readonly signal: AbortSignal;
}

/**
 * Runs commands of steps. `build` declares it and `engine` supplies it, so that building without `RUN` needs neither
 * Linux nor privilege.
 */
export interface StepRunner {
  /**
   * Runs the command to its end; returns its exit code (128 + n after signal n). When the promise settles nothing of the
   * command lives any more, and nothing that the runner mounted is mounted; a runner that was killed is cleaned up after
   * by the next command. Throws `Failure("unsupported")` where nothing can be run, `Failure("cancelled")`.
   */
  run(step: RunStep): Promise<number>;
}

export interface FetchedFile {
  readonly content: ByteSource;
  /** Bytes, where the server tells. */
  readonly size?: number;
  /** `Last-Modified`. */
  readonly modified?: Date;
  /** Last part of the path of the URL that was asked for, else what the server says; "" if there is none. */
  readonly name: string;
}

/** What a build needs of the world, supplied by `engine`. */
export interface BuildServices {
  readonly store: Store;
  readonly runner: StepRunner;
  /**
   * The image of that name for that platform: what the store has, else (or always, with `pull`) what the registry has.
   * Throws `Failure("not-found")`.
   */
  image(
    name: string,
    options: {
      readonly platform: Platform;
      readonly pull: boolean;
      readonly signal: AbortSignal;
      readonly report?: Report;
    },
  ): Promise<StoredImage>;
  /** Opens `http(s)://…`. Throws `Failure("not-found")`, `Failure("unavailable")`. */
  fetchUrl(url: string, options: { readonly signal: AbortSignal }): Promise<FetchedFile>;
  /**
   * Checks out a git reference (`https://host/repo.git#branch:directory`, `git@host:repo`) into a directory that the
   * caller may have until disposal. `commit` is the full hash that was checked out.
   */
  fetchGit(
    reference: string,
    options: { readonly keepGitDir: boolean; readonly signal: AbortSignal },
  ): Promise<AsyncDisposable & { readonly directory: string; readonly commit: string }>;
}

/** A cache that was exported elsewhere. */
export interface ImportedCache {
  /** The step's record, its layers fetched and in the store; undefined if the cache does not have it. */
  take(key: Digest, session: Session, signal: AbortSignal): Promise<CacheRecord | undefined>;
}

/** Where a secret comes from; a file or a variable is looked at when a step needs it. */
export type SecretSource =
  { readonly file: string } | { readonly env: string } | { readonly value: Uint8Array };

/** An SSH agent: the path of its socket, or one that lies elsewhere. */
export type AgentSource = string | { connect(): Duplex };

/** A map, or whoever can be asked. */
export interface Lookup<T> {
  get(id: string): T | undefined | Promise<T | undefined>;
}

export interface BuildOptions {
  readonly dockerfile: Dockerfile;
  /**
   * Files for `COPY` and `ADD`, without what `.dockerignore` excludes; undefined: there are none. A function is asked when
   * the first step wants any.
   */
  readonly context?: SourceTree | (() => Promise<SourceTree>);
  /** `--build-context name=…`. */
  readonly contexts?: ReadonlyMap<string, SourceTree | { readonly image: string }>;
  /** Name or number of the stage that is wanted; default: the last. */
  readonly target?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: this machine's. */
  readonly platform?: Platform;
  readonly names?: readonly Reference[];
  /** All steps are done anew, or those of the named stages. */
  readonly noCache?: boolean | readonly string[];
  readonly pull?: boolean;
  /** Steps that other machines have done; asked when the local cache has none. */
  readonly imported?: ImportedCache;
  /** Of the classic mode: its cache is what these images tell in their history. Default: what was built here. */
  readonly cacheImages?: readonly StoredImage[];
  /** The image's config says which steps made its layers (`--cache-to type=inline`). */
  readonly inlineCache?: boolean;
  /** Of steps that say nothing about it: `default`, `none`, `host`, or another that the runner knows. */
  readonly network?: string;
  /** `security.insecure`: without it no step of the Dockerfile gets a privileged container. */
  readonly allow?: readonly string[];
  readonly addHosts?: readonly { readonly name: string; readonly address: string }[];
  readonly secrets?: Lookup<SecretSource>;
  /** Agents by id; `default` is $SSH_AUTH_SOCK. */
  readonly ssh?: Lookup<AgentSource>;
  /**
   * False: the image is only what outputs are made of, and the store does not get it; its layers are the build cache's.
   * Names it cannot have then. Default true; the classic mode has images in any case.
   */
  readonly keepImage?: boolean;
  /** `classic`: Docker's old builder to the letter, with an image for each step. */
  readonly mode?: "buildkit" | "classic";
  /** What the build is called in the memory of builds, by which misses are explained. Default: it is not remembered. */
  readonly series?: BuildName;
  /** What images of the classic mode say that they were made by. Default: nothing. */
  readonly dockerVersion?: string;
  /** Seconds since 1970: time of config and history, and upper bound of the times of files. */
  readonly sourceDateEpoch?: number;
  /** Tells what happens. Called in order. */
  readonly onEvent?: (event: BuildEvent) => void;
  /** Called when a `RUN` fails, in the failed state, before it is thrown away. */
  readonly onFailedRun?: (step: RunStep) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Which step of which stage. */
export interface StepId {
  /** Number of the stage, from 0, and its name or number as text. */
  readonly stage: number;
  readonly stageName: string;
  /** Number of the step in its stage, from 1 (`FROM`), and how many there are. */
  readonly step: number;
  readonly steps: number;
  /** It comes from the base image's `ONBUILD`: the how-manieth of how many. */
  readonly trigger?: { readonly index: number; readonly count: number };
}

/** Why a step was not taken from the cache, for people: `src/app.ts changed`. */
export type CacheOutcome =
  | { readonly hit: true; readonly from: "local" | "imported" }
  | { readonly hit: false; readonly reason: string };

export interface StagePlan {
  /** Name or number. */
  readonly name: string;
  /** How many there are, `FROM` counted. */
  readonly steps: number;
  readonly needed: boolean;
  /** The image that it stands on; undefined: another stage, files, or nothing. */
  readonly image?: string;
  /** Numbers of the steps that have to do with files: the others only change the image's config. */
  readonly works: readonly number[];
}

export type BuildEvent =
  | {
      readonly kind: "plan";
      readonly stages: readonly StagePlan[];
      /** Texts of the `ARG`s before the first `FROM`. */
      readonly globalArgs: readonly string[];
    }
  | { readonly kind: "step-started"; readonly id: StepId; readonly text: string; readonly span: Span }
  | {
      readonly kind: "output";
      readonly id: StepId;
      readonly stream: "stdout" | "stderr";
      readonly chunk: Uint8Array;
    }
  /** A pull or download that the step waits for. */
  | {
      readonly kind: "progress";
      readonly id: StepId;
      readonly status: string;
      readonly current?: number;
      readonly total?: number;
    }
  /** Classic mode: the temporary container. */
  | {
      readonly kind: "container";
      readonly id: StepId;
      readonly container: string;
      readonly what: "running" | "removed";
    }
  | { readonly kind: "step-done"; readonly id: StepId; readonly record: StepRecord }
  | { readonly kind: "step-failed"; readonly id: StepId; readonly error: unknown }
  | { readonly kind: "warning"; readonly warning: DockerfileWarning }
  | { readonly kind: "done"; readonly image: ImageId; readonly names: readonly string[] };

/** One step that was done, for the table of costs. */
export interface StepRecord {
  readonly id: StepId;
  readonly text: string;
  readonly span: Span;
  /** The layer that it made or took from the cache; undefined: metadata only, or nothing was changed. */
  readonly layer?: { readonly diffId: DiffId; readonly chainId: ChainId; readonly size: number };
  /** The image of this step (classic mode; the last step in both). */
  readonly image?: ImageId;
  readonly cache?: CacheOutcome;
  readonly milliseconds: number;
}

export interface BuildResult {
  readonly image: StoredImage;
  /** Of all stages that were built, in the order of the Dockerfile. */
  readonly steps: readonly StepRecord[];
  readonly warnings: readonly DockerfileWarning[];
}
