/** `-v`, `--mount`, `--tmpfs`, `--volumes-from`: what is mounted in a container (docker/cli, cli/command/container/opts.go). */
import { absoluteSource, parseBind, parseMount, type HostConfig } from "../../engine/index.ts";
import type { Flags, FlagValues } from "../kit/index.ts";

export const mountFlags = {
  mount: {
    kind: "list",
    type: "mount",
    help: "Attach a filesystem mount: type=bind|volume|tmpfs|image,source=...,target=...[,readonly]",
  },
  tmpfs: { kind: "list", type: "list", help: "Mount a tmpfs directory" },
  volume: {
    kind: "list",
    short: "v",
    type: "list",
    help: "Mount a host path or a volume: [host:|volume:]container[:ro]",
  },
  "volume-driver": { kind: "string", type: "string", help: "Volume driver for the container: local" },
  "volumes-from": { kind: "list", type: "list", help: "Mount volumes from the specified container(s)" },
} as const satisfies Flags;

export type MountFlagValues = FlagValues<typeof mountFlags>;

/** Throws `Failure("invalid")` in Docker's words. */
export function mountOptions(flags: MountFlagValues): Partial<HostConfig> {
  const binds = flags.volume.filter((text) => text.includes(":")).map(withAbsoluteSource);
  for (const bind of binds) parseBind(bind);
  const mounts = flags.mount.map(parseMount);
  const driver = flags["volume-driver"];
  return {
    Binds: binds.length > 0 ? binds : null,
    ...(mounts.length > 0 && { Mounts: mounts }),
    ...(flags.tmpfs.length > 0 && { Tmpfs: Object.fromEntries(flags.tmpfs.map(splitTmpfs)) }),
    ...(flags["volumes-from"].length > 0 && { VolumesFrom: [...flags["volumes-from"]] }),
    ...(driver !== undefined && { VolumeDriver: driver }),
  };
}

/** `-v /path`: a volume without a name; as Docker's CLI has it, the config asks for it. Undefined: none. */
export function anonymousVolumes(flags: MountFlagValues): Record<string, object> | undefined {
  const paths = flags.volume.filter((text) => !text.includes(":"));
  for (const path of paths) parseBind(path);
  return paths.length > 0 ? Object.fromEntries(paths.map((path) => [path, {}])) : undefined;
}

function withAbsoluteSource(bind: string): string {
  const colon = bind.indexOf(":");
  return `${absoluteSource(bind.slice(0, colon))}${bind.slice(colon)}`;
}

/** `/run:size=10m`. */
function splitTmpfs(text: string): [string, string] {
  const colon = text.indexOf(":");
  return colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
}
