/**
 * Images as mounts: `--mount type=image` (moby, daemon/volumes.go, `registerMountPoints`). The layers are held by the
 * container's entry in layerdb, so they stay where the image is removed by force; the record says which they are.
 */
import type { MountedRoot } from "../../driver/index.ts";
import { Failure } from "../../errors.ts";
import { topChain } from "../../image/index.ts";
import type { ChainId, ImageId } from "../../oci/index.ts";
import { resolveImage, type Store } from "../../store/index.ts";
import { imageMountPath } from "../volumes/run_mounts_folder.ts";
import type { PlannedMount } from "./mount_points.ts";
import type { ContainerRecord, MountPoint } from "./record.ts";

type Mounts = Pick<ContainerRecord, "MountPoints">;

/**
 * The mounts of a new container with their images found: the ID stands in `Spec`, the name as `Name`, as Docker has it.
 * @param container its ID
 * @throws Failure("not-found") in Docker's words for an image that is not there; nothing is pulled
 */
export async function findMountedImages(
  store: Store,
  container: string,
  planned: readonly PlannedMount[],
): Promise<PlannedMount[]> {
  return Promise.all(
    planned.map(async (mount) => {
      if (mount.point.Type !== "image") return mount;
      const Source = imageMountPath(store, container, mount.point.Destination);
      return { ...mount, point: { ...(await withImage(store, mount.point)), Source } };
    }),
  );
}

/** One of another container has its image already, which may have been removed since. */
async function withImage(store: Store, point: MountPoint): Promise<MountPoint> {
  if (point.Name !== "") return point;
  const name = point.Spec?.Source ?? "";
  const image = await resolveImage(store, name);
  const top = topChain(image);
  return {
    ...point,
    Name: name,
    RW: false,
    Spec: { ...point.Spec, Source: image.id },
    ...(top !== undefined && { ImageTop: top }),
  };
}

/** Tops of the stacks of all images that are mounted, each once. */
export function mountedTops(points: Readonly<Record<string, MountPoint>>): ChainId[] {
  return [...new Set(imagePoints({ MountPoints: points }).flatMap(({ ImageTop }) => ImageTop ?? []))];
}

/** All images that the container needs: its own first. */
export function imagesOf(record: Mounts & Pick<ContainerRecord, "Image">): ImageId[] {
  return [record.Image, ...imagePoints(record).map(({ Spec }) => Spec?.Source as ImageId)];
}

function imagePoints({ MountPoints }: Mounts): MountPoint[] {
  return Object.values(MountPoints ?? {}).filter(({ Type }) => Type === "image");
}

/**
 * The whole image, read-only, as long as it is held.
 * @returns undefined for one without layers
 */
export async function holdImage(
  store: Store,
  { Name, ImageTop }: MountPoint,
): Promise<MountedRoot | undefined> {
  if (ImageTop === undefined) return undefined;
  const layer = await store.layers.get(ImageTop);
  if (layer === undefined) throw new Failure("not-found", `No such image: ${Name}`);
  return store.driver.mount(layer.cacheId, { readOnly: true });
}

/** Ends mounts of the driver's that a killed process has held; whoever lets go of one last ends it. */
export async function endHeldImages(store: Store, record: Mounts): Promise<void> {
  for (const point of imagePoints(record)) {
    try {
      await using image = await holdImage(store, point);
      void image?.path;
    } catch {
      // Its layers are gone, or another one uses it: that one ends it.
    }
  }
}
