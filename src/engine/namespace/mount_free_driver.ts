/** The storage driver for work of an ordinary user that mounts nothing. */
import type { DriverName } from "../../driver/index.ts";
import { heldDriver } from "../../store/index.ts";

/**
 * A driver under which layers are made and read without any mount, and alike in a namespace and outside of it; undefined:
 * there is none for this root, or this user mounts without a namespace. An empty root is given `erofs`, which keeps
 * layers as the tars that they come as, with owners and all; `vfs` would copy all that lies below each of them.
 *
 * @param driver chosen by the user; default: what the root holds
 */
export function mountFreeDriver(root: string, driver?: DriverName): DriverName | undefined {
  if (process.platform !== "linux" || process.geteuid?.() === 0) return undefined;
  const kind = driver ?? heldDriver(root) ?? "erofs";
  return kind === "overlay2" ? undefined : kind;
}
