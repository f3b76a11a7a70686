/** Host directories of `-v` that are not there yet. */
import { mkdir } from "node:fs/promises";
import { Failure } from "../../errors.ts";
import type { ContainerRecord } from "./record.ts";

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
