/** Host paths that containers have mounted. */
import { realpathSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { fromText, toText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import { mountInfo, type MountInfo } from "../../sys/index.ts";
import type { ContainerRecord, MountPoint } from "./record.ts";

/**
 * Makes them, 0755 and with all that leads there, as Docker does when a container starts (moby,
 * volume/mounts/mounts.go, `Setup`); those of `--mount` have to be there. A file in the place of one is left alone.
 */
export async function makeBindSources(record: Pick<ContainerRecord, "MountPoints">): Promise<void> {
  for (const { Type, Source, SkipMountpointCreation } of Object.values(record.MountPoints ?? {})) {
    if (Type !== "bind" || SkipMountpointCreation === true) continue;
    try {
      await mkdir(Source, { recursive: true, mode: 0o755 });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EEXIST" || code === "ENOTDIR") continue;
      throw new Failure("denied", `error while creating mount source path '${Source}': ${message}`, {
        cause: error,
      });
    }
  }
}

/**
 * Mounts come through to a container, or from it, only where the host's mount is of a kind that tells of them.
 * @param mounts those of this process
 * @returns the mount points; what nobody has asked to follow ({@link followRoot}) is private where it cannot
 * @throws Failure("invalid") in Docker's words (moby, daemon/oci_linux.go, `ensureShared`)
 */
export function checkPropagation(
  { MountPoints }: Pick<ContainerRecord, "MountPoints">,
  mounts: () => readonly MountInfo[] = mountInfo,
): Record<string, MountPoint> {
  const points = MountPoints ?? {};
  const follows = ({ Type, Propagation = "" }: MountPoint): boolean =>
    Type === "bind" && /shared|slave/.test(Propagation);
  if (!Object.values(points).some(follows)) return points;
  const all = mounts();
  return Object.fromEntries(
    Object.entries(points).map(([at, point]) => [at, follows(point) ? checkOne(point, all) : point]),
  );
}

function checkOne(point: MountPoint, mounts: readonly MountInfo[]): MountPoint {
  const { Source, Propagation = "", Spec } = point;
  const path = fromText(existing(Source));
  // Of several on one place the last one is seen.
  const [mount] = mounts
    .toReversed()
    .filter(
      ({ mountPoint }) => mountPoint === "/" || path === mountPoint || path.startsWith(`${mountPoint}/`),
    )
    .sort((a, b) => b.mountPoint.length - a.mountPoint.length);
  if (mount === undefined) return point;
  const tells = (kind: string): boolean => mount.propagation.some((tag) => tag.startsWith(`${kind}:`));
  const shared = Propagation.endsWith("shared");
  if (tells("shared") || (!shared && tells("master"))) return point;
  if (!Spec?.BindOptions?.Propagation) return { ...point, Propagation: "rprivate" };
  const kind = shared ? "shared" : "shared or slave";
  throw new Failure(
    "invalid",
    `path ${Source} is mounted on ${toText(mount.mountPoint)} but it is not a ${kind} mount`,
  );
}

function existing(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
