/** Binds in which mounts of other containers lie: of the store's root, of what is in it, and of what it is in. */
import { Failure } from "../../errors.ts";
import type { MountPoint } from "./record.ts";

/**
 * Such a bind follows what is mounted and unmounted on the host, or it would hold the file systems of containers that have
 * ended, and their next run would write to the same directories by another mount (moby, daemon/volumes_linux.go,
 * `validateBindDaemonRoot`).
 * @param root of the store
 * @returns the point with the propagation that it has unless one is asked for
 * @throws Failure("invalid") in Docker's words for one that does not follow
 */
export function followRoot(point: MountPoint, root: string): MountPoint {
  const { Source = "", Type } = point;
  if (Type !== "bind" || !(isWithin(Source, root) || isWithin(root, Source))) return point;
  const asked = point.Spec?.BindOptions?.Propagation ?? "";
  if (asked === "") return { ...point, Propagation: "rslave" };
  if (asked === "rslave" || asked === "rshared") return point;
  throw new Failure(
    "invalid",
    `invalid mount config: must use either propagation mode "rslave" or "rshared" when mount source is within the daemon root, daemon root: "${root}", bind mount source: "${Source}", propagation: "${asked}"`,
  );
}

function isWithin(path: string, folder: string): boolean {
  return folder === "/" || path === folder || path.startsWith(`${folder}/`);
}
