/** `--blkio-weight-device`, `--device-read-bps` and their kin: which device may be used how fast. */
import { fromText } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { AT_FDCWD, isSysError, statAt } from "../sys/index.ts";
import type { HostCgroups } from "./host_cgroups.ts";
import type { OciBlockLimits, OciDeviceNumber } from "./oci_spec.ts";

export interface DeviceValue {
  /** Of a device node on the host. */
  readonly path: string;
  /** A weight, bytes a second or operations a second. */
  readonly value: number;
}

export interface BlockLimits {
  /** 10 to 1000, for all devices. */
  readonly weight?: number;
  readonly weightOf?: readonly DeviceValue[];
  readonly readBytes?: readonly DeviceValue[];
  readonly writeBytes?: readonly DeviceValue[];
  readonly readOperations?: readonly DeviceValue[];
  readonly writeOperations?: readonly DeviceValue[];
}

/** Where each stands in the spec, and what Docker calls it. */
const throttles = [
  ["readBytes", "throttleReadBpsDevice", "BPS Block I/O read limit"],
  ["writeBytes", "throttleWriteBpsDevice", "BPS Block I/O write limit"],
  ["readOperations", "throttleReadIOPSDevice", "IOPS Block read limit"],
  ["writeOperations", "throttleWriteIOPSDevice", "IOPS Block write limit"],
] as const;

/**
 * @returns what is left out because this machine cannot do it, as warnings in Docker's words
 * @throws {Failure} `invalid` in Docker's words
 */
export function checkBlockLimits(limits: BlockLimits, host: HostCgroups): string[] {
  const { weight = 0, weightOf = [] } = limits;
  if (weight !== 0 && (weight < 10 || weight > 1000))
    throw new Failure("invalid", "Range of blkio weight is from 10 to 1000");
  const missing = "or the cgroup is not mounted.";
  const warnings: string[] = [];
  if (weightOf.length > 0 && !host.deviceWeights)
    warnings.push(`Your kernel does not support Block I/O weight_device ${missing} Weight-device discarded.`);
  for (const [name, , what] of throttles) {
    if (!limits[name]?.length || host.deviceRates) continue;
    const short = what.replace(/ read| write/, "");
    warnings.push(`Your kernel does not support ${what} ${missing} ${short} discarded.`);
  }
  return warnings;
}

/** Undefined: there are none. @throws {Failure} `invalid` for a device that is not there, in Docker's words */
export function blockResources(limits: BlockLimits, host: HostCgroups): OciBlockLimits | undefined {
  const { weight = 0, weightOf = [] } = limits;
  const rates = throttles.flatMap(([name, key]) => {
    const given = host.deviceRates ? (limits[name] ?? []) : [];
    const rows = given.map(({ path, value }) => ({ ...deviceNumber(path), rate: value }));
    return rows.length > 0 ? [[key, rows] as const] : [];
  });
  const weights = host.deviceWeights ? weightOf : [];
  const resources: OciBlockLimits = {
    ...(weight > 0 && { weight }),
    ...(weights.length > 0 && {
      weightDevice: weights.map(({ path, value }) => ({ ...deviceNumber(path), weight: value })),
    }),
    ...Object.fromEntries(rates),
  };
  return Object.keys(resources).length > 0 ? resources : undefined;
}

function deviceNumber(path: string): OciDeviceNumber {
  try {
    const { rdevMajor: major, rdevMinor: minor } = statAt(AT_FDCWD, fromText(path), true);
    return { major, minor };
  } catch (cause) {
    if (!isSysError(cause, "ENOENT", "ENOTDIR")) throw cause;
    throw new Failure("invalid", `stat ${path}: no such file or directory`, { cause });
  }
}
