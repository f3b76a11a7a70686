/** Values of `--ulimit`, `--device`, `--blkio-weight-device` and the rates of devices, as docker/cli's `opts` reads them. */
import { Failure } from "../../errors.ts";
import { parseBytes } from "../kit/index.ts";

const ulimitNames =
  "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack".split(
    " ",
  );

export interface UlimitSetting {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

/** `nofile=1024[:2048]`. Throws `Failure("invalid")` in Docker's words (docker/go-units, ulimit.go). */
export function parseUlimit(text: string): UlimitSetting {
  const [, name, limits] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || limits === undefined) throw invalid(`invalid ulimit argument: ${text}`);
  if (!ulimitNames.includes(name)) throw invalid(`invalid ulimit type: ${name}`);
  const values = limits.split(":");
  if (values.length > 2) {
    throw invalid(`too many limit values - ${limits}, can only have up to two, \`soft[:hard]\``);
  }
  const [soft = 0, hard = soft] = values.map((value) => {
    if (/^[+-]?\d+$/.test(value)) return Number(value);
    throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  });
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { Name: name, Soft: soft, Hard: hard };
}

export interface DeviceSetting {
  readonly PathOnHost: string;
  readonly PathInContainer: string;
  readonly CgroupPermissions: string;
}

/** `/dev/sda[:/dev/xvda][:rwm]`. */
export function parseDevice(text: string): DeviceSetting {
  const parts = text.split(":");
  const [host = "", second, third] = parts;
  const isMode = (word: string | undefined): word is string =>
    word !== undefined && /^[rwm]{1,3}$/.test(word);
  if (!host.startsWith("/")) throw invalid(`${host} is not an absolute path`);
  if (parts.length > 3 || (third !== undefined && !isMode(third))) {
    throw invalid(`invalid device specification: ${text}`);
  }
  if (parts.length === 2 && isMode(second)) {
    return { PathOnHost: host, PathInContainer: host, CgroupPermissions: second };
  }
  return { PathOnHost: host, PathInContainer: second || host, CgroupPermissions: third ?? "rwm" };
}

/** `/dev/sda:300`, with a weight of 10 to 1000, or 0. */
export function parseWeightDevice(text: string): { readonly Path: string; readonly Weight: number } {
  const { path, value } = devicePair(text);
  const weight = Number(value);
  if (!/^\d+$/.test(value) || (weight !== 0 && (weight < 10 || weight > 1000))) {
    throw invalid(`invalid weight for device: ${text}`);
  }
  return { Path: path, Weight: weight };
}

/** `/dev/sda:1mb`, or `/dev/sda:100` for operations. */
export function parseDeviceRate(kind: "bytes" | "operations") {
  return (text: string): { readonly Path: string; readonly Rate: number } => {
    const { path, value } = devicePair(text);
    const isRate = kind === "operations" ? /^\d+$/ : /^\d+(\.\d+)? ?([kmgtp]i?)?b?$/i;
    if (!isRate.test(value)) {
      const unit = kind === "bytes" ? "[<unit>]" : "";
      throw invalid(
        `invalid rate for device: ${text}. The correct format is <device-path>:<number>${unit}. Number must be a positive integer`,
      );
    }
    return { Path: path, Rate: kind === "bytes" ? parseBytes(value) : Number(value) };
  };
}

function devicePair(text: string): { readonly path: string; readonly value: string } {
  const [, path, value] = /^([^:]+):([^:]+)$/.exec(text) ?? [];
  if (path === undefined || value === undefined) throw invalid(`bad format: ${text}`);
  if (!path.startsWith("/dev/")) throw invalid(`bad format for device path: ${text}`);
  return { path, value };
}

function invalid(message: string): Failure {
  return new Failure("invalid", message);
}
