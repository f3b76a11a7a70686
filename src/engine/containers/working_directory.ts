/** The directory in which a container's process starts, made with the container. */
import { fromText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import { placeMountPoints, type Store } from "../../store/index.ts";
import * as sys from "../../sys/index.ts";
import type { ContainerRecord } from "./record.ts";

/**
 * Makes the working directory that is asked for, so that files can be copied there before the first start. The runtime
 * makes what is missing as well, but only then (moby, daemon/container/container.go, `SetupWorkingDirectory`).
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
