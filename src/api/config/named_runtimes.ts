/** `runtimes` and `default-runtime` (moby, daemon/config/config_linux.go and daemon/runtime_unix.go). */
import { isRuntimeName, isUsualRuntime, type DaemonSettings } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import type { Directives } from "./directives.ts";

type NamedRuntimes = NonNullable<DaemonSettings["runtimes"]>;

/** @throws Failure("invalid"); `unsupported` for one that needs another shim */
export function namedRuntimes(given: Readonly<Record<string, unknown>>): NamedRuntimes {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      if (!isRuntimeName(name)) {
        const why = isUsualRuntime(name) ? "reserved" : "invalid";
        throw new Failure("invalid", `runtime name '${name}' is ${why}`);
      }
      return [name, namedRuntime(name, (value ?? {}) as Readonly<Record<string, unknown>>)];
    }),
  );
}

const runcShim = "io.containerd.runc.v2";

function namedRuntime(name: string, given: Readonly<Record<string, unknown>>): NamedRuntimes[string] {
  const { runtimeType = runcShim, options, runtimeArgs = [] } = given;
  if (runtimeType !== runcShim) {
    throw new Failure(
      "unsupported",
      `runtime ${name}: runtimeType ${String(runtimeType)} is not supported here`,
      {
        hint: `Name a program that is used as runc is: "path", or ${runcShim} with "BinaryName".`,
      },
    );
  }
  const path = given["path"] ?? (options as { readonly BinaryName?: unknown } | undefined)?.BinaryName;
  if (typeof path !== "string" || path === "")
    throw new Failure("invalid", `runtime ${name}: either a runtimeType or a path must be configured`);
  if (!Array.isArray(runtimeArgs) || !runtimeArgs.every((each): each is string => typeof each === "string"))
    throw new Failure("invalid", `runtime ${name}: runtimeArgs is no list of strings`);
  return { path, ...(runtimeArgs.length > 0 && { runtimeArgs }) };
}

/** @throws Failure("invalid") for one that is not among `runtimes` */
export function defaultRuntime({ "default-runtime": Runtime = "", runtimes = {} }: Directives): {
  readonly Runtime?: string;
} {
  if (Runtime === "") return {};
  if (isUsualRuntime(Runtime) || Runtime === "crun" || Object.hasOwn(runtimes, Runtime)) return { Runtime };
  throw new Failure("invalid", `specified default runtime '${Runtime}' does not exist`);
}
