/** The last part of `-v a:/b:ro,z` (moby, volume/mounts/linux_parser.go). */

/** Of each kind a mode has one word at most. */
const kinds: readonly RegExp[] = [
  /^r[ow]$/,
  /^[zZ]$/,
  /^r?(private|slave|shared)$/,
  /^nocopy$/,
  /^(consistent|cached|delegated|default)$/,
];

export interface MountMode {
  readonly readOnly: boolean;
  readonly noCopy: boolean;
  /** Undefined: not said. */
  readonly propagation: string | undefined;
}

/** Undefined: it is none. Labels are for SELinux, consistency for machines that are not Linux: both do nothing here. */
export function parseMountMode(text: string): MountMode | undefined {
  const words = text === "" ? [] : text.split(",");
  const found = words.map((word) => kinds.findIndex((kind) => kind.test(word)));
  if (found.includes(-1) || new Set(found).size < found.length) return undefined;
  return {
    readOnly: words.includes("ro"),
    noCopy: words.includes("nocopy"),
    propagation: words[found.indexOf(2)],
  };
}
