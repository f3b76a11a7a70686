/**
 * Docker's build cache: an image that was made from the same parent by a container of the same config (moby 20.10,
 * image/cache/cache.go `getLocalCachedImage`, image/cache/compare.go).
 */
import type { ContainerConfig, ImageId } from "../../oci/index.ts";
import type { ImageDb, Store, StoredImage } from "../../store/index.ts";

/** The cache for the time of one build: who was made from whom is read once. */
export class ClassicCache {
  readonly #images: ImageDb;
  #children: Promise<Map<ImageId | undefined, ImageId[]>> | undefined;

  constructor({ images }: Pick<Store, "images">) {
    this.#images = images;
  }

  /**
   * The newest of the matching children; undefined: the step has to be done.
   * @param parent undefined: the step stands on `FROM scratch`. Docker then takes any image that has no parent, even
   *   one whose parent was removed; we ask that it has one row of history, as an image on nothing has
   * @param probe from `classicProbe`
   */
  async find(parent: ImageId | undefined, probe: ContainerConfig): Promise<StoredImage | undefined> {
    const children = await (this.#children ??= readChildren(this.#images));
    let newest: StoredImage | undefined;
    for (const id of children.get(parent) ?? []) {
      const image = await this.#images.get(id);
      if (image === undefined || !sameConfig(image.config.container_config, probe)) continue;
      if (parent === undefined && image.config.history?.length !== 1) continue;
      if (newest === undefined || createdAt(newest) < createdAt(image)) newest = image;
    }
    return newest;
  }

  /** Takes up an image that this build has made: a later stage may want it. */
  async add({ id, parent }: Pick<StoredImage, "id" | "parent">): Promise<void> {
    const children = await (this.#children ??= readChildren(this.#images));
    const siblings = children.get(parent) ?? [];
    if (!siblings.includes(id)) children.set(parent, [...siblings, id]);
  }
}

/** Images by their parent; under undefined those that have none. */
async function readChildren(images: ImageDb): Promise<Map<ImageId | undefined, ImageId[]>> {
  const parents = await images.parents();
  return Map.groupBy(await images.list(), (id) => parents.get(id));
}

/** Nanoseconds of RFC 3339 come after what Date knows, so texts of one zone are compared. */
function createdAt({ config: { created = "" } }: StoredImage): string {
  const [, seconds = created, fraction = ""] = /^(.*?)(?:\.(\d+))?Z$/.exec(created) ?? [];
  return `${seconds}.${fraction.padEnd(9, "0")}`;
}

/** Host name, image, working directory, checks, shell and signals do not count. */
function sameConfig(a: ContainerConfig | undefined, b: ContainerConfig): boolean {
  if (a === undefined || a.OpenStdin === true || b.OpenStdin === true) return false;
  return (
    (a.AttachStdout ?? false) === (b.AttachStdout ?? false) &&
    (a.AttachStderr ?? false) === (b.AttachStderr ?? false) &&
    (a.Tty ?? false) === (b.Tty ?? false) &&
    (a.User ?? "") === (b.User ?? "") &&
    sameList(a.Cmd, b.Cmd) &&
    sameList(a.Env, b.Env) &&
    sameList(a.Entrypoint, b.Entrypoint) &&
    sameKeys(a.ExposedPorts, b.ExposedPorts) &&
    sameKeys(a.Volumes, b.Volumes) &&
    sameLabels(a.Labels, b.Labels)
  );
}

type List = readonly string[] | null | undefined;

function sameList(a: List, b: List): boolean {
  const [left, right] = [a ?? [], b ?? []];
  return left.length === right.length && left.every((word, index) => word === right[index]);
}

function sameKeys(a: object | null | undefined, b: object | null | undefined): boolean {
  const [left, right] = [Object.keys(a ?? {}), new Set(Object.keys(b ?? {}))];
  return left.length === right.size && left.every((key) => right.has(key));
}

function sameLabels(a: ContainerConfig["Labels"], b: ContainerConfig["Labels"]): boolean {
  const left = Object.entries(a ?? {});
  return sameKeys(a, b) && left.every(([key, value]) => b?.[key] === value);
}
