/** `--mount type=...,source=...,target=...`: one line of CSV (docker/cli, opts/mount.go). */
import { resolve } from "node:path";
import { Failure } from "../../errors.ts";
import type { MountSpec } from "../../wire/index.ts";
import { csvFields } from "../builds/flags/csv_fields.ts";

interface Draft {
  Type: string;
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
  Consistency?: string;
  BindOptions?: Record<string, string | boolean>;
  VolumeOptions?: {
    NoCopy?: boolean;
    Subpath?: string;
    Labels?: Record<string, string>;
    DriverConfig?: { Name?: string; Options?: Record<string, string> };
  };
  ImageOptions?: { Subpath?: string };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

/** Throws `Failure("invalid")` in the words of Docker's CLI. */
export function parseMount(text: string): MountSpec {
  const draft: Draft = { Type: "volume" };
  for (const { key, value, text: field } of csvFields(text, "mount")) {
    if (value === undefined && !["readonly", "ro", "volume-nocopy", "bind-nonrecursive"].includes(key)) {
      throw invalid(`invalid field '${field}' must be a key=value pair`);
    }
    if (!set(draft, key, value ?? "true")) throw invalid(`unexpected key '${key}' in '${field}'`);
  }
  for (const [options, type] of [
    ["VolumeOptions", "volume"],
    ["ImageOptions", "image"],
    ["BindOptions", "bind"],
    ["TmpfsOptions", "tmpfs"],
  ] as const) {
    if (draft[options] !== undefined && draft.Type !== type) {
      throw invalid(`cannot mix '${type}-*' options with mount type '${draft.Type}'`);
    }
  }
  if (draft.Type === "") throw invalid("type is required");
  if (draft.Target === undefined) throw invalid("target is required");
  return draft;
}

/** @returns whether there is such a key */
function set(draft: Draft, key: string, value: string): boolean {
  if (key.startsWith("bind-")) return setBind((draft.BindOptions ??= {}), key, value);
  if (key.startsWith("volume-")) return setVolume((draft.VolumeOptions ??= {}), key, value);
  if (key.startsWith("image-")) return setImage((draft.ImageOptions ??= {}), key, value);
  if (key.startsWith("tmpfs-")) return setTmpfs((draft.TmpfsOptions ??= {}), key, value);
  switch (key) {
    case "type":
      draft.Type = value.toLowerCase();
      return true;
    case "source":
    case "src":
      draft.Source = absoluteSource(value);
      return true;
    case "target":
    case "dst":
    case "destination":
      draft.Target = value;
      return true;
    case "readonly":
    case "ro":
      draft.ReadOnly = truth(key, value);
      return true;
    case "consistency":
      draft.Consistency = value.toLowerCase();
      return true;
    default:
      return false;
  }
}

function setBind(options: NonNullable<Draft["BindOptions"]>, key: string, value: string): boolean {
  switch (key) {
    case "bind-propagation":
      options["Propagation"] = value.toLowerCase();
      return true;
    case "bind-nonrecursive":
      options["NonRecursive"] = truth(key, value);
      return true;
    case "bind-recursive": {
      const member = recursions.get(value);
      if (member === undefined) {
        const words = 'must be "enabled", "disabled", "writable", or "readonly"';
        throw invalid(`invalid value for ${key}: ${value} (${words})`);
      }
      if (member !== "") options[member] = true;
      return true;
    }
    default:
      return false;
  }
}

const recursions = new Map([
  ["enabled", ""],
  ["disabled", "NonRecursive"],
  ["writable", "ReadOnlyNonRecursive"],
  ["readonly", "ReadOnlyForceRecursive"],
]);

function setVolume(options: NonNullable<Draft["VolumeOptions"]>, key: string, value: string): boolean {
  const pair = (): [string, string] => {
    const [name = "", ...rest] = value.split("=");
    return [name, rest.join("=")];
  };
  const put = (map: Record<string, string> = {}): Record<string, string> => ({
    ...map,
    ...Object.fromEntries([pair()]),
  });
  switch (key) {
    case "volume-nocopy":
      options.NoCopy = truth(key, value);
      return true;
    case "volume-subpath":
      options.Subpath = value;
      return true;
    case "volume-label":
      options.Labels = put(options.Labels);
      return true;
    case "volume-driver":
      options.DriverConfig = { ...options.DriverConfig, Name: value };
      return true;
    case "volume-opt":
      options.DriverConfig = { ...options.DriverConfig, Options: put(options.DriverConfig?.Options) };
      return true;
    default:
      return false;
  }
}

function setImage(options: NonNullable<Draft["ImageOptions"]>, key: string, value: string): boolean {
  if (key !== "image-subpath") return false;
  options.Subpath = value;
  return true;
}

function setTmpfs(options: NonNullable<Draft["TmpfsOptions"]>, key: string, value: string): boolean {
  switch (key) {
    case "tmpfs-size":
      options.SizeBytes = bytes(key, value);
      return true;
    case "tmpfs-mode":
      if (!/^[0-7]{1,10}$/.test(value)) throw invalid(`invalid value for ${key}: ${value}`);
      options.Mode = Number.parseInt(value, 8);
      return true;
    default:
      return false;
  }
}

/** As Docker's CLI: a path that begins with a dot is one from here. */
export function absoluteSource(source: string): string {
  return source === "." || /^\.\.?(\/|$)/.test(source) ? resolve(source) : source;
}

function truth(key: string, value: string): boolean {
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw invalid(`invalid value for ${key}: ${value}`);
}

function bytes(key: string, value: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(value) ?? [];
  if (number === undefined) throw invalid(`invalid value for ${key}: ${value}`);
  return Math.floor(Number(number) * 1024 ** ("kmgtp".indexOf(unit.toLowerCase()) + (unit === "" ? 0 : 1)));
}

function invalid(message: string): Failure {
  return new Failure("invalid", message);
}
