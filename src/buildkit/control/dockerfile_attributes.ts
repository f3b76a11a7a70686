/** What clients ask of the frontend `dockerfile.v0` (moby/buildkit, frontend/dockerui/config.go, `Client.init`). */
import { parseAddHost, type BuildRequest } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { parsePlatform } from "../../oci/index.ts";
import { stepLimits } from "./step_limits.ts";

/** By key: `target`, `build-arg:NAME`. */
export type Attributes = Readonly<Record<string, string>>;

type Asked = Pick<
  BuildRequest,
  "target" | "buildArgs" | "labels" | "noCache" | "platforms" | "pull" | "network" | "addHosts" | "stepLimits"
>;

/** All that does not say where files come from. Keys that are not known are left alone. @throws Failure("invalid"), Failure("unsupported") */
export function dockerfileAttributes(attributes: Attributes): Asked {
  refuseOther(attributes);
  const { target = "", platform = "", "no-cache": stages, "add-hosts": hosts = "" } = attributes;
  const mode = attributes["image-resolve-mode"];
  return {
    buildArgs: underPrefix(attributes, "build-arg:"),
    labels: underPrefix(attributes, "label:"),
    pull: mode === "pull",
    network: networkOf(attributes["force-network-mode"] ?? ""),
    addHosts: listOf(hosts).map(parseAddHost),
    stepLimits: stepLimits(attributes),
    ...(target !== "" && { target }),
    ...(stages !== undefined && { noCache: stages === "" ? true : stages.toLowerCase().split(",") }),
    ...(platform !== "" && { platforms: listOf(platform).map(parsePlatform) }),
  };
}

/** Values by what stands behind the prefix of their keys. */
export function underPrefix(attributes: Attributes, prefix: string): Record<string, string> {
  const found = Object.entries(attributes).filter(([key]) => key.startsWith(prefix));
  return Object.fromEntries(found.map(([key, value]) => [key.slice(prefix.length), value]));
}

function listOf(text: string): string[] {
  return text.split(",").filter((each) => each !== "");
}

function networkOf(mode: string): NonNullable<Asked["network"]> {
  switch (mode) {
    case "host":
    case "none":
      return mode;
    case "":
    case "default":
    case "sandbox":
    case "unset":
      return "default";
    default:
      throw new Failure("invalid", `invalid netmode: "${mode}"`);
  }
}

/** What the client wants to be sure that the frontend can do. */
const capabilities = [
  "moby.buildkit.frontend.inputs",
  "moby.buildkit.frontend.subrequests",
  "moby.buildkit.frontend.contexts",
];

function refuseOther(attributes: Attributes): void {
  for (const [key, value] of Object.entries(attributes)) {
    if (!key.startsWith("attest:") || /^(false|disabled=true)$/.test(value)) continue;
    throw new Failure("unsupported", `attestations are not made here: ${key.slice("attest:".length)}`, {
      hint: "Build with --provenance=false --sbom=false.",
    });
  }
  for (const wanted of listOf(attributes["frontend.caps"] ?? "")) {
    if (capabilities.includes(wanted.replace(/\+forward$/, ""))) continue;
    throw new Failure("unsupported", `unsupported frontend capability ${wanted}`);
  }
  const many = attributes["multi-platform"] ?? attributes["build-arg:BUILDKIT_MULTI_PLATFORM"];
  if (/^(1|t|T|true|TRUE|True)$/.test(many ?? ""))
    throw new Failure("unsupported", "an index of several platforms cannot be exported to this image store");
}
