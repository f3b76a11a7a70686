/** `POST /build?version=2` as what BuildKit's frontend is asked for (moby, builder/builder-next/builder.go, `Build`). */
import type { DockerfileSolve } from "../../../buildkit/index.ts";
import { Failure } from "../../../errors.ts";
import type { Call } from "../../http/index.ts";
import { platformOf } from "../images/index.ts";
import { cacheFrom, jsonOf, stringsOf } from "./query_values.ts";
import { stepLimits } from "./step_limits.ts";

type Asked = Pick<DockerfileSolve, "attributes" | "exporters" | "cacheTo">;

/** @throws Failure("invalid"), Failure("unsupported") */
export function sessionQuery(call: Call): Asked {
  const { query } = call;
  const value = (name: string): string => query.get(name) ?? "";
  const buildArgs = stringsOf(call, "buildargs", "error reading build args");
  // For its complaints alone.
  platformOf(call);
  const attributes: Record<string, string> = {
    "image-resolve-mode": call.flag("pull") ? "pull" : "default",
    "add-hosts": query.getAll("extrahosts").join(","),
    "cache-from": cacheFrom(call).join(","),
    ...prefixed("build-arg:", buildArgs),
    ...prefixed("label:", stringsOf(call, "labels", "error reading labels")),
    ...limits(call),
    ...(value("target") !== "" && { target: value("target") }),
    ...(!["", "."].includes(value("dockerfile")) && { filename: value("dockerfile") }),
    ...(!["", "client-session", "upload-request"].includes(value("remote")) && { context: value("remote") }),
    ...(call.flag("nocache") && { "no-cache": "" }),
    ...(value("platform") !== "" && { platform: value("platform") }),
    ...network(value("networkmode")),
  };
  const isInline = /^(1|t|T|true|TRUE|True)$/.test(buildArgs["BUILDKIT_INLINE_CACHE"] ?? "");
  return {
    attributes,
    exporters: exportersOf(value("outputs"), query.getAll("t")),
    cacheTo: isInline ? [{ type: "inline", attributes: {} }] : [],
  };
}

function prefixed(prefix: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${prefix}${key}`, value]));
}

/** BuildKit has no others. */
function limits(call: Call): Record<string, string> {
  const { shmSize = 0, ulimits = [] } = stepLimits(call);
  return {
    ...(shmSize > 0 && { "shm-size": String(shmSize) }),
    ...(ulimits.length > 0 && {
      ulimit: ulimits.map(({ name, soft, hard }) => `${name}=${soft}:${hard}`).join(","),
    }),
  };
}

function network(mode: string): Record<string, string> {
  if (mode === "" || mode === "default") return {};
  if (mode === "host" || mode === "none") return { "force-network-mode": mode };
  throw new Failure("invalid", `network mode ${JSON.stringify(mode)} not supported by buildkit`);
}

/** At most one, as with dockerd; without any the image stays here. Only an image has the names of `-t`. */
function exportersOf(text: string, tags: readonly string[]): Asked["exporters"] {
  const list = jsonOf(text, "error reading outputs") ?? [];
  if (!Array.isArray(list)) throw new Failure("invalid", "error reading outputs: not a list");
  if (list.length > 1) throw new Failure("invalid", "multiple outputs not supported");
  const [output = { Type: "moby" }] = list as readonly (Output | null)[];
  const { Type: type, Attrs: given } = output ?? {};
  if (type === "cacheonly") return [];
  if (typeof type !== "string" || !isMap(given ?? {}))
    throw new Failure("invalid", "error reading outputs: an output has a type, and texts as attributes");
  const name = tags.filter((tag) => tag !== "").join(",");
  const isImage = type === "image" || type === "moby";
  return [
    { type, attributes: { ...(given as Record<string, string>), ...(isImage && name !== "" && { name }) } },
  ];
}

interface Output {
  readonly Type?: unknown;
  readonly Attrs?: unknown;
}

function isMap(value: unknown): value is Readonly<Record<string, string>> {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((each) => typeof each === "string")
  );
}
