/** From the flags of `varve build` to what the engine is asked for. */
import {
  parseAddHost,
  parseBuildArgs,
  parseCacheFrom,
  parseCacheTo,
  parseLabels,
  parseOutput,
  parseSecret,
  parseSquash,
  parseSsh,
  type BuildRequest,
} from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { parsePlatform } from "../../oci/index.ts";
import type { App } from "../app.ts";
import type { FlagValues } from "../kit/index.ts";
import type { buildFlags } from "./build_flags.ts";
import type { BuildScreen } from "./build_screen.ts";
import { writeBytes } from "./write_bytes.ts";

export interface RequestParts {
  readonly app: App;
  readonly flags: FlagValues<typeof buildFlags>;
  readonly context: string;
  readonly screen: BuildScreen;
  readonly signal: AbortSignal;
}

/** Throws `Failure("invalid")` for a value that cannot be read. */
export function buildRequest({ app, flags, context, screen, signal }: RequestParts): BuildRequest {
  const { file, target, iidfile, network, squash } = flags;
  const noCacheFilter = flags["no-cache-filter"];
  return {
    context,
    ...(file !== undefined && { file }),
    tags: flags.tag,
    ...(target !== undefined && { target }),
    buildArgs: parseBuildArgs(flags["build-arg"]),
    buildContexts: new Map(flags["build-context"].map(namedContext)),
    labels: parseLabels(flags.label),
    platforms: flags.platform.flatMap((text) => text.split(",")).map(parsePlatform),
    noCache: noCacheFilter.length > 0 ? noCacheFilter : flags["no-cache"],
    pull: flags.pull,
    ...(network !== undefined && { network }),
    allow: flags.allow,
    addHosts: flags["add-host"].map(parseAddHost),
    secrets: new Map(flags.secret.map((text) => parseSecret(text))),
    ssh: new Map(flags.ssh.map((text) => parseSsh(text))),
    mode: flags.classic ? "classic" : "buildkit",
    outputs: flags.output.map(parseOutput),
    push: flags.push,
    cacheFrom: flags["cache-from"].map(parseCacheFrom),
    cacheTo: flags["cache-to"].map(parseCacheTo),
    ...(squash !== undefined && { squash: parseSquash(squash) }),
    ...(iidfile !== undefined && { iidFile: iidfile }),
    ...(flags["metadata-file"] !== undefined && { metadataFile: flags["metadata-file"] }),
    onError: flags["on-error"],
    onShell: (isOpen) => {
      screen.hold(isOpen);
      if (isOpen) app.stderr.write("A shell where the step has failed; `exit` ends it, and the build.\n");
    },
    onEvent: (event) => screen.take(event),
    report: (progress) => screen.report(progress),
    onWarning: (message) => screen.warn(message),
    stdin: app.stdin,
    ...(app.stdout.isTTY !== true && { stdout: (bytes) => writeBytes(app.stdout, bytes) }),
    signal,
  };
}

function namedContext(text: string): [name: string, place: string] {
  const equals = text.indexOf("=");
  if (equals <= 0) {
    throw new Failure("invalid", `invalid context value: ${text}, expected key=value`);
  }
  return [text.slice(0, equals), text.slice(equals + 1)];
}
