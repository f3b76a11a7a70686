/**
 * All rules by name: how bad what they find is, and why it is worth a change. Names and meaning of the first part are
 * those of `docker build --check` (docs.docker.com, "Build checks"); the second part is ours.
 */
import type { LintSeverity } from "./types.ts";

export interface RuleFacts {
  readonly severity: LintSeverity;
  /** One or two sentences, with full stops. */
  readonly why: string;
  /** Only on demand. */
  readonly experimental?: boolean;
}

const dockers = {
  StageNameCasing: {
    severity: "warning",
    why: "Stage names are not case-sensitive; lower case tells them from instructions.",
  },
  FromAsCasing: { severity: "warning", why: "Keywords of one line in one case are easier to read." },
  NoEmptyContinuation: {
    severity: "warning",
    why: "An empty line inside a continued instruction is an error in later versions of Docker.",
  },
  ConsistentInstructionCasing: {
    severity: "warning",
    why: "One case for all instructions is easier to read.",
  },
  DuplicateStageName: {
    severity: "warning",
    why: "A name that two stages have leads to the later one only.",
  },
  ReservedStageName: { severity: "warning", why: "`scratch` and `context` mean something else to Docker." },
  JSONArgsRecommended: {
    severity: "warning",
    why: "In shell form a shell is process 1: it does not pass signals on, so the container is killed after the stop timeout instead of ending.",
  },
  MaintainerDeprecated: {
    severity: "warning",
    why: "Tools read the label; MAINTAINER is only kept for old files.",
  },
  UndefinedArgInFrom: {
    severity: "warning",
    why: "Only an ARG before the first FROM can be used in FROM; any other name gives an empty text.",
  },
  WorkdirRelativePath: {
    severity: "warning",
    why: "A relative directory is added to that of the base image, which may change with it.",
  },
  UndefinedVar: {
    severity: "warning",
    why: "A variable that is not defined is replaced by nothing, silently.",
  },
  MultipleInstructionsDisallowed: {
    severity: "warning",
    why: "Only the last one counts; the others do nothing.",
  },
  LegacyKeyValueFormat: {
    severity: "warning",
    why: "`NAME value` takes the rest of the line as one value, which hides mistakes.",
  },
  RedundantTargetPlatform: { severity: "warning", why: "The target platform is what FROM takes anyway." },
  SecretsUsedInArgOrEnv: {
    severity: "warning",
    why: "Everybody who has the image can read ARG and ENV in its history and config. `RUN --mount=type=secret` leaves nothing behind.",
  },
  InvalidDefaultArgInFrom: {
    severity: "warning",
    why: "Without `--build-arg` the build fails at this FROM.",
  },
  FromPlatformFlagConstDisallowed: {
    severity: "warning",
    why: "A fixed platform makes an image for another one than was asked for; `--platform` of the build says which.",
  },
  CopyIgnoredFile: {
    severity: "warning",
    why: "What .dockerignore leaves out is not there to be copied.",
  },
  InvalidDefinitionDescription: {
    severity: "warning",
    why: "Tools show the comment above a stage or an argument as its description if it begins with its name.",
    experimental: true,
  },
  ExposeProtoCasing: {
    severity: "warning",
    why: "Protocols are written in lower case; other tools expect that.",
  },
  ExposeInvalidFormat: {
    severity: "warning",
    why: "EXPOSE names ports of the container; which address and port of the machine lead to them is said at `run`.",
  },
} as const satisfies Record<string, RuleFacts>;

const ours = {
  PackageCacheLeft: {
    severity: "warning",
    why: "What a package manager keeps for its next run lies in the layer for good; nobody uses it in a container.",
  },
  AttributesChangedAfterCopy: {
    severity: "warning",
    why: "Changing mode, owner or time of a file copies the whole file into another layer.",
  },
  CopyBeforeInstall: {
    severity: "warning",
    why: "Any change of any file copied before makes the build install all dependencies again.",
  },
  UnpinnedBase: {
    severity: "warning",
    why: "The same Dockerfile gives another image once the tag has moved.",
  },
  BaseWithoutDigest: {
    severity: "info",
    why: "Tags can be moved; only a digest always names the same image.",
  },
  LargeBase: { severity: "info", why: "Every machine that runs the image has to fetch and keep its base." },
  SecretInCopy: {
    severity: "warning",
    why: "Everybody who has the image can read its files, also those that a later layer deletes. `RUN --mount=type=secret` leaves nothing behind.",
  },
  SecretInText: {
    severity: "error",
    why: "Everybody who has the image can read the texts of its instructions in its history.",
  },
  AddInsteadOfCopy: {
    severity: "warning",
    why: "ADD also unpacks archives and fetches URLs; COPY does what it says.",
  },
  MissingUser: {
    severity: "info",
    why: "Without USER the container's processes run as root, unless the base image says otherwise.",
  },
  AptUpdateAlone: {
    severity: "warning",
    why: "The lists come from the cache when a later line changes, so that old versions are installed or none are found; and they stay in their own layer.",
  },
  CdInsteadOfWorkdir: {
    severity: "info",
    why: "A `cd` ends with its RUN; WORKDIR holds for all that follows.",
  },
  SudoInRun: {
    severity: "warning",
    why: "RUN is root already, or should name its user with USER; sudo loses signals and needs a package.",
  },
  DeletedInLaterLayer: {
    severity: "warning",
    why: "What a layer deletes or replaces stays in the layer that made it: the image does not shrink, and the files can still be read.",
  },
} as const satisfies Record<string, RuleFacts>;

export const ruleCatalog: Readonly<Record<RuleName, RuleFacts>> = { ...dockers, ...ours };

export type RuleName = keyof typeof dockers | keyof typeof ours;

export function isRuleName(name: string): name is RuleName {
  return Object.hasOwn(ruleCatalog, name);
}

/** Whether Docker's own checks have it. */
export function isDockersRule(name: RuleName): boolean {
  return Object.hasOwn(dockers, name);
}
