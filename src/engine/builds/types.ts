/** What a build is asked for, and what comes of it: the record of `varve build`'s command line. */
import type { BuildEvent, BuildOptions, BuildResult } from "../../build/index.ts";
import type { ByteSource, Report } from "../../bytes/index.ts";
import type { Dockerfile, IgnoreMatcher } from "../../dockerfile/index.ts";
import type { Platform, Reference } from "../../oci/index.ts";
import type { StoredImage } from "../../store/index.ts";
import type { PullResult } from "../images/pull.ts";
import type { OnSource } from "./asked_services.ts";
import type { CacheDestination, CachePlace } from "./flags/parse_cache.ts";
import type { BuildOutput } from "./flags/parse_output.ts";
import type { SquashRange } from "./flags/parse_squash.ts";
import type { ClientContext, OpensTree } from "./context/types.ts";
import type { OutputPace, StepLimits } from "./runner.ts";
import type { WriteOut } from "./outputs/write_file.ts";

type Passed =
  | "target"
  | "buildArgs"
  | "labels"
  | "noCache"
  | "pull"
  | "network"
  | "addHosts"
  | "allow"
  | "secrets"
  | "ssh"
  | "keepImage"
  | "mode"
  | "sourceDateEpoch"
  | "signal";

export interface BuildRequest extends Pick<BuildOptions, Passed> {
  /** A directory, a tar file, a URL, a git reference, `-` for {@link stdin}, or what a client of the daemon has. */
  readonly context: string | ClientContext;
  /** `-f`; default: `Dockerfile` in the context. `-` is {@link stdin}. */
  readonly file?: string;
  /** `-t`: with a tag, or `latest` is meant. */
  readonly tags?: readonly string[];
  /** `--build-context`, by name. */
  readonly buildContexts?: ReadonlyMap<string, string | OpensTree>;
  /** Default: this machine's. */
  readonly platforms?: readonly Platform[];
  /** Default: the image stays in the store. */
  readonly outputs?: readonly BuildOutput[];
  /** Sends all names to their registries. */
  readonly push?: boolean;
  readonly cacheFrom?: readonly CachePlace[];
  /** `--cache-from` of the classic mode; those that are not here do not count. None: the cache is what was built here. */
  readonly cacheImages?: readonly string[];
  readonly cacheTo?: readonly CacheDestination[];
  readonly squash?: SquashRange;
  /** File that gets the image's ID. */
  readonly iidFile?: string;
  /** File that gets digests and names, as JSON with BuildKit's keys. */
  readonly metadataFile?: string;
  /** `shell`: on our terminal, in the state that a failed `RUN` has left. */
  readonly onError?: "fail" | "shell";
  /** Told before a shell has the terminal, and after it. */
  readonly onShell?: (isOpen: boolean) => void;
  readonly onEvent?: (event: BuildEvent) => void;
  /** Told of each base image that was pulled; awaited. */
  readonly onPulled?: (pulled: PullResult) => void;
  /** Asked before something is taken from elsewhere. Default: nobody is. */
  readonly onSource?: OnSource;
  /** Holds commands up whose output there is no room for. Default: there is. */
  readonly outputPace?: OutputPace;
  readonly stepLimits?: StepLimits;
  /** Told of what does not fail the build: a cache that cannot be had. */
  readonly onWarning?: (message: string) => void;
  /** Progress of pushes and of caches. */
  readonly report?: Report;
  /** Default: there is none. */
  readonly stdin?: ByteSource;
  /** Where results with the destination `-` go. Default: there is none. */
  readonly stdout?: WriteOut;
}

export interface BuildOutcome extends BuildResult {
  readonly dockerfile: Dockerfile;
  /** What `.dockerignore` left out. */
  readonly ignore?: IgnoreMatcher;
  /** The image that was built, squashed if that was asked for. */
  readonly image: StoredImage;
  readonly names: readonly Reference[];
  /** Images of further platforms, in the order of the request; the first is `image`. */
  readonly images: readonly StoredImage[];
}
