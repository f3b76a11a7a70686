/** Options of the driver `local`: what is mounted on a volume while it is used (moby, volume/local/local_unix.go). */
import { Failure } from "../../errors.ts";

export type VolumeOptions = Readonly<Record<string, string>>;

const known = ["type", "o", "device", "size"];
const needs: Readonly<Record<string, readonly string[]>> = {
  device: ["type"],
  type: ["device"],
  o: ["device", "type"],
};

/** @throws Failure("invalid") in Docker's words */
export function checkVolumeOptions(name: string, options: VolumeOptions): void {
  const bad = (why: string): Failure => new Failure("invalid", `create ${name}: ${why}`);
  const unknown = Object.keys(options).find((option) => !known.includes(option));
  if (unknown !== undefined) throw bad(`invalid option: ${JSON.stringify(unknown)}`);
  const { type, device, size } = options;
  if (type === "cifs" && device !== undefined && /^[a-z+.-]*:?\/\/[^/]*:\d+(\/|$)/i.test(device)) {
    throw bad("port not allowed in CIFS device URL, include 'port' in 'o='");
  }
  if (size !== undefined) checkSize(size, bad);
  for (const [option, others] of Object.entries(needs)) {
    const missing = option in options ? others.find((other) => !(other in options)) : undefined;
    if (missing !== undefined) throw bad(`missing required option: ${JSON.stringify(missing)}`);
  }
}

/** A bound on a volume needs project quotas, which the file systems under Docker's roots hardly ever have. */
function checkSize(size: string, bad: (why: string) => Failure): void {
  const [, number] = /^(\d+(?:\.\d+)?) ?([kmgtp]?i?b?)$/i.exec(size) ?? [];
  if (number === undefined) throw bad(`invalid size: '${size}'`);
  if (Number(number) > 0) throw bad("quota size requested but no quota support");
}

/** What of it `opts.json` has; dockerd reads it. */
export function encodeOptions({ type = "", o = "", device = "" }: VolumeOptions): string {
  return JSON.stringify({ MountType: type, MountOpts: o, MountDevice: device, Quota: { Size: 0 } });
}

/**
 * The options in a volume's `opts.json`; undefined: there are none in it.
 * @throws Failure("corrupt") for what dockerd would not start with
 */
export function decodeOptions(name: string, text: string): VolumeOptions | undefined {
  let value: Readonly<Record<string, unknown>>;
  try {
    value = JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new Failure("corrupt", `error while unmarshaling volume options for volume: ${name}`, { cause });
  }
  const pairs = Object.entries({ device: "MountDevice", o: "MountOpts", type: "MountType" })
    .map(([option, key]) => [option, value[key]] as const)
    .filter((pair): pair is readonly [string, string] => typeof pair[1] === "string" && pair[1] !== "");
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}
