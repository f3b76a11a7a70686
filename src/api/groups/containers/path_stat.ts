/** `X-Docker-Container-Path-Stat`: what is at a path of a container, as JSON in base64. */
import type { PathStat } from "../../../engine/index.ts";

/** Bits of Go's `os.FileMode` beside the permissions (Go, io/fs). */
const bits = {
  file: 0,
  directory: 2 ** 31,
  symlink: 2 ** 27,
  other: 2 ** 19,
} as const;
const special = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
] as const;

export function pathStatHeader(stat: PathStat): Record<string, string> {
  const flags = special.filter(([bit]) => (stat.mode & bit) !== 0).map(([, flag]) => flag);
  const mode = (stat.mode & 0o777) + bits[stat.kind] + flags.reduce((sum, flag) => sum + flag, 0);
  const value = {
    name: stat.name,
    size: stat.size,
    mode,
    mtime: new Date(stat.mtime * 1000).toISOString().replace(".000Z", "Z"),
    linkTarget: stat.linkTarget,
  };
  return { "X-Docker-Container-Path-Stat": Buffer.from(JSON.stringify(value)).toString("base64") };
}
