/** `--mount`: what a client wrote, checked as Docker checks it (moby, volume/mounts/linux_parser.go and validate.go). */
import { existsSync } from "node:fs";
import { isAbsolute, normalize } from "node:path/posix";
import { Failure, isFailure } from "../../errors.ts";
import type { MountSpec } from "../../wire/index.ts";
import { tmpfsOptionsOf } from "./tmpfs_options.ts";

type Shape = { readonly [member: string]: "string" | "boolean" | "number" | "strings" | "lists" | Shape };

const shape = {
  Type: "string",
  Source: "string",
  Target: "string",
  ReadOnly: "boolean",
  Consistency: "string",
  BindOptions: {
    Propagation: "string",
    NonRecursive: "boolean",
    CreateMountpoint: "boolean",
    ReadOnlyNonRecursive: "boolean",
    ReadOnlyForceRecursive: "boolean",
  },
  VolumeOptions: {
    NoCopy: "boolean",
    Labels: "strings",
    Subpath: "string",
    DriverConfig: { Name: "string", Options: "strings" },
  },
  ImageOptions: { Subpath: "string" },
  TmpfsOptions: { SizeBytes: "number", Mode: "number", Options: "lists" },
} as const satisfies Shape;

/**
 * The members that there are, in Docker's order, without those that are empty.
 * @throws Failure("invalid") for a member of another type
 */
export function readMountSpec(given: unknown): MountSpec {
  return readObject(given, shape, "Mounts");
}

function readObject(given: unknown, members: Shape, where: string): Record<string, unknown> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw wrongType(where, "object");
  const object = given as Readonly<Record<string, unknown>>;
  const read: Record<string, unknown> = {};
  for (const [member, type] of Object.entries(members)) {
    const value = Object.hasOwn(object, member) ? object[member] : undefined;
    if (value === undefined || value === null) continue;
    const path = `${where}.${member}`;
    if (typeof type === "object") read[member] = readObject(value, type, path);
    else if (!fits(value, type)) throw wrongType(path, type);
    else if (!isEmpty(value)) read[member] = value;
  }
  return read;
}

function fits(value: unknown, type: string): boolean {
  const isText = (each: unknown): boolean => typeof each === "string";
  switch (type) {
    case "number":
      return Number.isSafeInteger(value) && (value as number) >= 0;
    case "strings":
      return (
        typeof value === "object" && !Array.isArray(value) && Object.values(value as object).every(isText)
      );
    case "lists":
      return Array.isArray(value) && value.every((list) => Array.isArray(list) && list.every(isText));
    default:
      return typeof value === type;
  }
}

function isEmpty(value: unknown): boolean {
  if (typeof value === "object") return Object.keys(value as object).length === 0;
  return value === "" || value === false || value === 0;
}

function wrongType(where: string, type: string): Failure {
  return new Failure("invalid", `invalid JSON: HostConfig.${where}: expected ${type}`);
}

/** @param here whether a bind's source must be there @throws Failure("invalid") in Docker's words */
export function checkMountSpec(spec: MountSpec, here: { readonly source: boolean }): void {
  try {
    const why = faultOf(spec, here.source);
    if (why !== undefined) throw new Failure("invalid", why);
    if (spec.Type === "tmpfs") tmpfsOptionsOf(spec);
  } catch (error) {
    if (!isFailure(error)) throw error;
    const type = JSON.stringify(spec.Type ?? "");
    throw new Failure("invalid", `invalid mount config for type ${type}: ${error.message}`, { cause: error });
  }
}

function faultOf(spec: MountSpec, sourceMustExist: boolean): string | undefined {
  const { Type = "", Target = "" } = spec;
  if (Target === "") return "field Target must not be empty";
  if (normalize(Target).replace(/(?<=.)\/$/, "") === "/") {
    return "invalid specification: destination can't be '/'";
  }
  if (!isAbsolute(Target)) return `invalid mount path: '${Target}' mount path must be absolute`;
  if (Type !== "image" && spec.ImageOptions !== undefined) return "field ImageOptions must not be specified";
  switch (Type) {
    case "bind":
      return faultOfBind(spec, sourceMustExist);
    case "volume":
      return faultOfVolume(spec);
    case "tmpfs":
      if (spec.BindOptions !== undefined) return "field BindOptions must not be specified";
      return spec.Source === undefined ? undefined : "field Source must not be specified";
    case "image":
      return faultOfImage(spec);
    default:
      return "mount type unknown";
  }
}

function faultOfBind(
  { Source = "", BindOptions = {}, VolumeOptions }: MountSpec,
  sourceMustExist: boolean,
): string | undefined {
  const { Propagation = "", CreateMountpoint = false } = BindOptions;
  if (Source === "") return "field Source must not be empty";
  if (!/^(|r?(private|slave|shared))$/.test(Propagation)) return `invalid propagation mode: ${Propagation}`;
  if (VolumeOptions !== undefined) return "field VolumeOptions must not be specified";
  if (!isAbsolute(Source)) return `invalid mount path: '${Source}' mount path must be absolute`;
  const missing = sourceMustExist && !CreateMountpoint && !existsSync(Source);
  return missing ? `bind source path does not exist: ${Source}` : undefined;
}

function faultOfVolume(spec: MountSpec): string | undefined {
  const { Source = "", ReadOnly = false, BindOptions, VolumeOptions: { Subpath = "" } = {} } = spec;
  if (BindOptions !== undefined) return "field BindOptions must not be specified";
  if (Subpath !== "" && Source === "") return "must not set Subpath when using anonymous volumes";
  if (Subpath !== "" && !isLocal(Subpath)) return "subpath must be a relative path within the volume";
  const readOnly = ReadOnly && Source === "";
  return readOnly ? "must not set ReadOnly mode when using anonymous volumes" : undefined;
}

function faultOfImage(spec: MountSpec): string | undefined {
  const { Source = "", ImageOptions: { Subpath = "" } = {} } = spec;
  for (const options of ["BindOptions", "VolumeOptions", "TmpfsOptions"] as const)
    if (spec[options] !== undefined) return `field ${options} must not be specified`;
  if (Source === "") return "field Source must not be empty";
  // Docker's words are those of volumes.
  return Subpath === "" || isLocal(Subpath) ? undefined : "subpath must be a relative path within the volume";
}

/** As Go's `filepath.IsLocal`. */
function isLocal(path: string): boolean {
  return !isAbsolute(path) && !/^\.\.(\/|$)/.test(normalize(path));
}
