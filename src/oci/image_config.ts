/** The image config: OCI's config.md plus the fields that Docker adds. Unknown fields are kept. */
import {
  arrayAt,
  objectAt,
  optionalString,
  optionalStringMap,
  optionalStrings,
  wrong,
  type JsonObject,
} from "./check.ts";
import { isDigest, type DiffId } from "./digest.ts";
import { parseJson } from "./go_json.ts";
import { Failure } from "../errors.ts";

/** Docker's `Config` object: what a container of the image runs with. */
export interface ContainerConfig {
  Hostname?: string;
  Domainname?: string;
  User?: string;
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  ExposedPorts?: Record<string, object> | null;
  Tty?: boolean;
  OpenStdin?: boolean;
  StdinOnce?: boolean;
  Env?: string[] | null;
  Cmd?: string[] | null;
  Healthcheck?: object;
  ArgsEscaped?: boolean;
  Image?: string;
  Volumes?: Record<string, object> | null;
  WorkingDir?: string;
  Entrypoint?: string[] | null;
  NetworkDisabled?: boolean;
  MacAddress?: string;
  OnBuild?: string[] | null;
  Labels?: Record<string, string> | null;
  StopSignal?: string;
  StopTimeout?: number;
  Shell?: string[] | null;
  [unknown: string]: unknown;
}

export interface HistoryRow {
  created?: string;
  author?: string;
  created_by?: string;
  comment?: string;
  empty_layer?: boolean;
}

export interface ImageConfig {
  architecture: string;
  os: string;
  variant?: string;
  "os.version"?: string;
  "os.features"?: string[];
  created?: string;
  author?: string;
  config?: ContainerConfig | null;
  container?: string;
  container_config?: ContainerConfig;
  docker_version?: string;
  rootfs: { type: string; diff_ids?: DiffId[] | null };
  history?: HistoryRow[] | null;
  [unknown: string]: unknown;
}

/** Largest accepted config in bytes (containerd and Docker bound it likewise, by the 8 MiB of their manifest reads). */
export const maxImageConfigBytes = 8 << 20;

/**
 * Reads an image config. Unknown fields are kept; the exact bytes, whose digest is the image ID, are the caller's to
 * keep. What old builders left out is filled in as Docker reads it: no `os` means linux, no `architecture` "".
 * History that does not fit the number of layers is accepted, as Docker accepts it.
 *
 * Throws `Failure("limit")` beyond 8 MiB or 64 levels, `Failure("invalid")` for a config that no image may have.
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const config = objectAt(
    parseJson(bytes, { maxBytes: maxImageConfigBytes, what: "image config" }),
    "image config",
  );
  dropNulls(config);
  for (const key of imageTexts) optionalString(config[key], `image config ${key}`);
  optionalStrings(config["os.features"], "image config os.features");
  checkRootfs(config["rootfs"]);
  checkHistory(config["history"]);
  checkContainerConfig(config, "config");
  checkContainerConfig(config, "container_config");
  if (config["os"] === undefined || config["os"] === "") config["os"] = "linux";
  config["architecture"] ??= "";
  return config as unknown as ImageConfig;
}

function checkRootfs(value: unknown): void {
  if (value === undefined || value === null) {
    // Docker's words (image.NewFromJSON); such configs come from archives of the first generation.
    throw new Failure("invalid", "invalid image JSON, no RootFS key");
  }
  const rootfs = objectAt(value, "image config rootfs");
  if (rootfs["type"] !== "layers") wrong("image config rootfs.type", rootfs["type"], '"layers"');
  const diffIds = rootfs["diff_ids"];
  if (diffIds === undefined || diffIds === null) return;
  for (const [i, id] of arrayAt(diffIds, "image config rootfs.diff_ids").entries()) {
    if (typeof id !== "string" || !isDigest(id)) {
      wrong(`image config rootfs.diff_ids[${i}]`, id, "sha256:<64 hex> or sha512:<128 hex>");
    }
  }
}

function checkHistory(value: unknown): void {
  if (value === undefined || value === null) return;
  for (const [i, item] of arrayAt(value, "image config history").entries()) {
    const where = `image config history[${i}]`;
    const row = objectAt(item, where);
    for (const key of rowTexts) optionalString(row[key], `${where}.${key}`);
    const empty = row["empty_layer"];
    if (empty !== undefined && typeof empty !== "boolean")
      wrong(`${where}.empty_layer`, empty, "true or false");
  }
}

const imageTexts = ["architecture", "os", "variant", "created", "author", "docker_version", "container"];
const rowTexts = ["created", "author", "created_by", "comment"];
const texts = ["Hostname", "Domainname", "User", "WorkingDir", "StopSignal", "Image"];
const lists = ["Env", "OnBuild"];
/** Docker reads a bare string as a list of one (strslice.StrSlice). */
const commands = ["Cmd", "Entrypoint", "Shell"];
const sets = ["ExposedPorts", "Volumes"];

function checkContainerConfig(image: JsonObject, name: string): void {
  const value = image[name];
  if (value === undefined || value === null) return;
  const where = `image config ${name}`;
  const config = objectAt(value, where);
  for (const key of texts) optionalString(config[key], `${where}.${key}`);
  for (const key of lists) optionalStrings(config[key], `${where}.${key}`);
  for (const key of commands) {
    if (typeof config[key] === "string") config[key] = [config[key]];
    optionalStrings(config[key], `${where}.${key}`);
  }
  for (const key of sets) {
    if (config[key] !== undefined && config[key] !== null) objectAt(config[key], `${where}.${key}`);
  }
  optionalStringMap(config["Labels"], `${where}.Labels`);
}

/**
 * What is null is not said, as Go's decoder has it (encoding/json, Unmarshal); where no time is known, `created` is written so
 * (moby, daemon/internal/image/image.go). Also for a config that was read before and is known to be right otherwise.
 */
export function dropNulls(image: JsonObject): void {
  dropFrom(image, imageTexts);
  for (const name of ["config", "container_config"]) dropFrom(image[name], texts);
  const rows = image["history"];
  if (Array.isArray(rows)) for (const row of rows) dropFrom(row, [...rowTexts, "empty_layer"]);
}

function dropFrom(value: unknown, keys: readonly string[]): void {
  if (typeof value !== "object" || value === null) return;
  const fields = value as JsonObject;
  for (const key of keys) if (fields[key] === null) delete fields[key];
}
