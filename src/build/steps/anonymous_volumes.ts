/**
 * Volumes of the config under Docker's old builder: the container of each `RUN` has them, filled with what the image has
 * there, so that what a command changes in one is thrown away (Dockerfile reference, "Changing the volume from within the
 * Dockerfile"). BuildKit knows no volumes.
 */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import { copyTree, ownershipHere } from "../../driver/index.ts";
import { placeMountPoints } from "../../store/index.ts";
import { resolveInside } from "../mounts/index.ts";
import type { StepMount } from "../types.ts";

/**
 * A missing mount point is made, and that is a change of the step.
 * @param root the mounted workspace @param paths absolute @param directory where the volumes are made; the caller's to remove
 */
export async function anonymousVolumes(
  root: string,
  paths: readonly string[],
  directory: string,
): Promise<StepMount[]> {
  placeMountPoints(
    root,
    paths.map((path) => ({ path, kind: "directory" })),
  );
  const mounts: StepMount[] = [];
  for (const destination of paths) {
    const source = await mkdtemp(join(directory, "volume-"));
    await copyTree(fromText(await resolveInside(root, destination)), fromText(source), ownershipHere());
    mounts.push({ type: "bind", source, destination, readOnly: false });
  }
  return mounts;
}
