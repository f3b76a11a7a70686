/** The directory in which a container's process starts, made with the container. */
import { fromText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import { openImageView } from "../../image/index.ts";
import { placeMountPoints, type Store, type StoredImage } from "../../store/index.ts";
import * as sys from "../../sys/index.ts";
import { isUnionError } from "../../union/index.ts";
import type { ContainerRecord } from "./record.ts";

/**
 * Whether the container's working directory may have to be made: builders make those of their images, but imports and
 * commits only name them. To look is cheaper than to mount, unless whole catalogs are to be read for it.
 */
export async function mayLackDirectory(store: Store, image: StoredImage, path: string): Promise<boolean> {
  if (path === "" || path === "/") return false;
  if (store.driver.name === "erofs") return true;
  using tree = await openImageView(store, image);
  try {
    return tree.view.lookup(fromText(path), { follow: true })?.stat.kind !== "directory";
  } catch (error) {
    if (isUnionError(error, "ELOOP", "ENAMETOOLONG")) return true;
    throw error;
  }
}

/**
 * Makes the working directory that is asked for, or that the image names, so that files can be copied there before the
 * first start. The runtime makes what is missing as well, but only then (moby, daemon/container/container.go,
 * `SetupWorkingDirectory`).
 * @throws Failure("invalid") where there is something else
 */
export async function makeWorkingDirectory(store: Store, { ID, Config }: ContainerRecord): Promise<void> {
  const path = Config.WorkingDir ?? "";
  await using root = await store.containers.mount(ID);
  placeMountPoints(root.path, [{ path, kind: "directory" }]);
  if (isOther(root.path, path)) throw new Failure("invalid", `Cannot mkdir: ${path} is not a directory`);
}

/** What leads nowhere is the runtime's to deal with. */
function isOther(root: string, path: string): boolean {
  const rootFd = sys.openAt(sys.AT_FDCWD, fromText(root), sys.O_PATH | sys.O_DIRECTORY);
  try {
    sys.close(sys.openIn(rootFd, fromText(path), sys.O_PATH | sys.O_DIRECTORY));
    return false;
  } catch (error) {
    if (sys.isSysError(error, "ENOTDIR")) return true;
    if (sys.isNowhere(error)) return false;
    throw error;
  } finally {
    sys.close(rootFd);
  }
}
