/** Generation 2 and 3: `manifest.json` = `[{"Config":..,"RepoTags":[..],"Layers":[..]}]` (behaviours B100, B101). */
import { Failure } from "../errors.ts";
import {
  maxImageConfigBytes,
  parseJson,
  parseReference,
  withDefaultTag,
  type ImageId,
  type Reference,
} from "../oci/index.ts";
import type { ArchiveFile } from "./archive_file.ts";
import { configView } from "./config_view.ts";
import { tarLayer } from "./layer_views.ts";
import type { ArchiveImage } from "./types.ts";

/** moby, image/tarexport/tarexport.go, `manifestItem`. */
interface ManifestItem {
  readonly config: string;
  readonly names: readonly Reference[];
  readonly layers: readonly string[];
  /** An image of the same archive on which this one was built. */
  readonly parent?: string;
}

const maxManifestBytes = 16 << 20;

/** The archive's images, parents before their children. Throws `Failure("invalid")` for a manifest that is none. */
export async function readDockerImages(file: ArchiveFile): Promise<ArchiveImage[]> {
  const bytes = await file.read("manifest.json", maxManifestBytes);
  const items = parseJson(bytes, { maxBytes: maxManifestBytes, what: "manifest.json of the archive" });
  if (!Array.isArray(items)) throw wrong("it is not a list");
  const images: ArchiveImage[] = [];
  for (const item of items.map(parseItem)) images.push(await readItem(file, item));
  return parentsFirst(images);
}

function parseItem(value: unknown): ManifestItem {
  const { Config, RepoTags, Layers, Parent } = (value ?? {}) as Record<string, unknown>;
  if (typeof Config !== "string") throw wrong("an image has no Config");
  const parent = typeof Parent === "string" && Parent !== "" ? { parent: Parent } : {};
  return {
    config: Config,
    names: texts(RepoTags, "RepoTags").map(tagOf),
    layers: texts(Layers, "Layers"),
    ...parent,
  };
}

/** Go's nil slice is `null`. */
function texts(value: unknown, what: string): string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw wrong(`${what} is not a list of texts`);
}

function tagOf(text: string): Reference {
  const name = withDefaultTag(parseReference(text));
  if (name.digest !== undefined) throw wrong(`invalid tag ${JSON.stringify(text)}`);
  return name;
}

function wrong(why: string): Failure {
  return new Failure("invalid", `manifest.json of the archive: ${why}`);
}

async function readItem(file: ArchiveFile, item: ManifestItem): Promise<ArchiveImage> {
  const bytes = await file.read(item.config, maxImageConfigBytes);
  const { layers, names, parent } = item;
  const view = configView(
    bytes,
    (diffId, index) => tarLayer(file, layers[index] as string, diffId),
    layers.length,
  );
  return { view, names, ...(parent !== undefined && { parent: parent as ImageId }) };
}

/**
 * Docker believes a parent only if it is there and the child's layers begin with its own (moby,
 * image/tarexport/load.go, `setParentID`). The archive's order is kept but for that.
 */
function parentsFirst(images: readonly ArchiveImage[]): ArchiveImage[] {
  const byId = new Map<ImageId | undefined, ArchiveImage>(images.map((image) => [image.view.imageId, image]));
  const sorted = new Set<ArchiveImage>();
  for (const image of images) {
    const stack = new Set<ArchiveImage>();
    for (let next: ArchiveImage | undefined = image; next !== undefined; next = byId.get(next.parent)) {
      if (stack.has(next) || sorted.has(next)) break;
      stack.add(next);
    }
    for (const each of [...stack].reverse()) sorted.add(each);
  }
  return [...sorted].map((image) => {
    const { parent: named, ...alone } = image;
    const parent = byId.get(named);
    return parent !== undefined && parent !== image && beginsWith(image, parent) ? image : alone;
  });
}

function beginsWith(child: ArchiveImage, parent: ArchiveImage): boolean {
  const below = parent.view.layers;
  return below.every(({ diffId }, index) => child.view.layers[index]?.diffId === diffId);
}
