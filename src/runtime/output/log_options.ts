/** `--log-driver` and `--log-opt`: what is allowed, with the words of Docker 20.10 where it refuses. */
import { isAbsolute } from "node:path";
import { Failure } from "../../errors.ts";

/** `cri` is ours: the file that Kubernetes reads, at the place that its option `path` says. */
export type LogDriver = "json-file" | "local" | "cri" | "none";

/** When a log goes on in another file. */
export interface Rotation {
  /** Bytes from which a file counts as full; undefined: never. */
  readonly maxSize: number | undefined;
  /** The one that is written, and the older ones. */
  readonly maxFiles: number;
  /** Whether the older ones are compressed. */
  readonly compress: boolean;
}

export type LogOptions = Readonly<Record<string, string>>;

const common = ["max-size", "max-file", "compress"];
const attributeOptions = ["labels", "labels-regex", "env", "env-regex", "tag"];
const modeOptions = ["mode", "max-buffer-size"];

/**
 * What `create` refuses (moby, daemon/logger/factory.go, `ValidateLogOpts`).
 * @throws Failure("invalid") in Docker's words
 */
export function checkLogOptions(driver: string, options: LogOptions): LogDriver {
  if (driver === "none") return driver;
  if (driver === "cri") return checkCri(options);
  checkMode(options);
  if (driver !== "json-file" && driver !== "local") {
    throw new Failure("invalid", `logger: no log driver named '${driver}' is registered`);
  }
  const known = [...common, ...modeOptions, ...(driver === "local" ? [] : attributeOptions)];
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown === undefined) return driver;
  const where = driver === "local" ? "log driver local" : "json-file log driver";
  throw new Failure("invalid", `unknown log opt '${unknown}' for ${where}`);
}

function checkCri({ path, ...others }: LogOptions): LogDriver {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new Failure("invalid", `unknown log opt '${unknown}' for log driver cri`);
  if (path === undefined || !isAbsolute(path)) {
    throw new Failure("invalid", "log driver cri: its option path has to be an absolute path");
  }
  return "cri";
}

function checkMode(options: LogOptions): void {
  const { mode = "", "max-buffer-size": buffer } = options;
  if (!["", "blocking", "non-blocking"].includes(mode)) {
    throw new Failure("invalid", `logger: logging mode not supported: ${mode}`);
  }
  if (buffer === undefined) return;
  if (mode !== "non-blocking") {
    throw new Failure("invalid", "logger: max-buffer-size option is only supported with 'mode=non-blocking'");
  }
  if (sizeOf(buffer) === undefined) {
    throw new Failure("invalid", `error parsing option max-buffer-size: invalid size: '${buffer}'`);
  }
}

/**
 * What the start of a container refuses.
 * @throws Failure("invalid") in Docker's words
 */
export function rotationOf(driver: Exclude<LogDriver, "none" | "cri">, options: LogOptions): Rotation {
  const rotation = driver === "local" ? localRotation(options) : jsonRotation(options);
  if (typeof rotation !== "string") return rotation;
  throw new Failure("invalid", `failed to initialize logging driver: ${rotation}`);
}

/** moby, daemon/logger/jsonfilelog/jsonfilelog.go, `New`. */
function jsonRotation(options: LogOptions): Rotation | string {
  const { "max-size": size, "max-file": files = "1", compress = "false" } = options;
  const maxSize = size === undefined ? undefined : sizeOf(size);
  if (size !== undefined && maxSize === undefined) return `invalid size: '${size}'`;
  if (maxSize === 0) return "max-size must be a positive number";
  const maxFiles = integer(files);
  if (maxFiles === undefined) return notInteger(files);
  if (maxFiles < 1) return "max-file cannot be less than 1";
  const compressed = boolean(compress);
  if (compressed === undefined) return notBoolean(compress);
  if (compressed && (maxFiles === 1 || maxSize === undefined)) {
    return "compress cannot be true when max-file is less than 2 or max-size is not set";
  }
  return { maxSize, maxFiles, compress: compressed };
}

/** moby, daemon/logger/local/{local,config}.go; 20 MiB in each of five files, unless told otherwise. */
function localRotation(options: LogOptions): Rotation | string {
  const { "max-size": size, "max-file": files = "5", compress = "true" } = options;
  const maxSize = size === undefined ? 20 * 1024 * 1024 : sizeOf(size);
  if (maxSize === undefined) return `invalid value for max-size: ${size}: invalid size: '${size}'`;
  const maxFiles = integer(files);
  if (maxFiles === undefined) return `invalid value for max-file: ${files}: ${notInteger(files)}`;
  if (maxFiles < 0) return "max file count cannot be less than 0";
  const compressed = boolean(compress);
  if (compressed === undefined) return `error reading compress log option: ${notBoolean(compress)}`;
  if (compressed && maxFiles <= 1) return "compression cannot be enabled when max file count is 1";
  return {
    maxSize: maxSize === 0 ? undefined : maxSize,
    maxFiles: Math.max(maxFiles, 1),
    compress: compressed,
  };
}

const units = "kmgtp";

/** `10m`: of a thousand each (docker/go-units, `FromHumanSize`). */
function sizeOf(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?) ?([kmgtp])?i?b?$/i.exec(text) ?? [];
  if (number === undefined) return undefined;
  return Math.floor(Number(number) * 1000 ** (units.indexOf(unit.toLowerCase() || " ") + 1));
}

function integer(text: string): number | undefined {
  return /^[+-]?\d{1,9}$/.test(text) ? Number(text) : undefined;
}

const notInteger = (text: string): string => `strconv.Atoi: parsing "${text}": invalid syntax`;
const notBoolean = (text: string): string => `strconv.ParseBool: parsing "${text}": invalid syntax`;

/** Go's `strconv.ParseBool`. */
function boolean(text: string): boolean | undefined {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  return ["0", "f", "F", "FALSE", "false", "False"].includes(text) ? false : undefined;
}
