/** `images`: one row a name, newest first (behaviours B089, B090). */
import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  repositoryOf,
  type ImageId,
  type Reference,
} from "../../oci/index.ts";
import { sizeOf } from "../../image/index.ts";
import type { Store, StoredImage } from "../../store/index.ts";
import { hasLabel } from "../has_label.ts";
import { pathMatch } from "./path_match.ts";

export interface ListOptions {
  /** Also untagged parents of other images. */
  readonly all?: boolean;
  /** Only names that match one of these: `alpine`, `alpine:3.20`, `app/?:1.*`, patterns as in shells. */
  readonly reference?: string | readonly string[];
  /** Only (true) images without tag and child; never (false) those that have no digest name either (B090). */
  readonly dangling?: boolean;
  /** Only images with this label: `key` or `key=value`. */
  readonly labels?: readonly string[];
  /** Only images older (before) or newer (since) than this one. */
  readonly before?: StoredImage;
  readonly since?: StoredImage;
}

export interface ImageSummary {
  readonly id: ImageId;
  readonly parentId: string;
  /** Familiar names with tag: `alpine:3.20`; empty for a dangling image. */
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  /** Milliseconds since 1970. */
  readonly created: number;
  /** Bytes over all layers. */
  readonly size: number;
  readonly labels: Readonly<Record<string, string>>;
}

export function createdTime(image: StoredImage): number {
  const time = Date.parse(image.config.created ?? "");
  return Number.isNaN(time) ? 0 : time;
}

/**
 * Lists images, newest first, equal ages by ID so that the order is stable. The rules are Docker's (moby,
 * daemon/images/images.go). Throws `Failure("invalid")` for a malformed pattern.
 */
export async function listImages(store: Store, options: ListOptions = {}): Promise<ImageSummary[]> {
  const names = namesByImage(await namedReferences(store));
  const images = await allImages(store);
  const parents = new Set(images.map((image) => image.parent));
  const patterns = options.reference === undefined ? undefined : [options.reference].flat();
  const summaries: ImageSummary[] = [];
  for (const image of images) {
    const references = names.get(image.id) ?? [];
    const shown = patterns === undefined ? references : references.filter((each) => matches(each, patterns));
    if (!isListed(shown, parents.has(image.id), options)) continue;
    if (!inWindow(image, options) || !hasLabels(image, options.labels ?? [])) continue;
    summaries.push(await summarise(store, image, shown));
  }
  return summaries.sort((a, b) => b.created - a.created || (a.id < b.id ? -1 : 1));
}

/** By the names that are left of an image, and by whether another image stands on it. */
function isListed(names: readonly Reference[], isParent: boolean, options: ListOptions): boolean {
  if (options.dangling === true && isParent) return false;
  if (names.length > 0) return options.dangling !== true || names.every(({ digest }) => digest !== undefined);
  if (options.reference !== undefined || options.dangling === false) return false;
  return options.all === true || !isParent;
}

async function summarise(
  store: Store,
  image: StoredImage,
  references: readonly Reference[],
): Promise<ImageSummary> {
  return {
    id: image.id,
    parentId: image.parent ?? "",
    repoTags: references.filter((reference) => reference.digest === undefined).map(familiarReference),
    repoDigests: references.filter((reference) => reference.digest !== undefined).map(familiarReference),
    created: createdTime(image),
    size: await sizeOf(store, image),
    labels: image.config.config?.Labels ?? {},
  };
}

/** Every image of the store. */
export async function allImages(store: Store): Promise<StoredImage[]> {
  const images: StoredImage[] = [];
  for (const id of await store.images.list()) {
    const image = await store.images.get(id);
    if (image !== undefined) images.push(image);
  }
  return images;
}

/** All names with the image each one means, sorted by name. */
export async function namedReferences(store: Store): Promise<[Reference, ImageId][]> {
  return [...(await store.names.all())].map(([name, id]) => [parseReference(name), id]);
}

function namesByImage(named: readonly [Reference, ImageId][]): Map<ImageId, Reference[]> {
  const byImage = new Map<ImageId, Reference[]>();
  for (const [reference, id] of named) byImage.set(id, [...(byImage.get(id) ?? []), reference]);
  return byImage;
}

function inWindow(image: StoredImage, { before, since }: ListOptions): boolean {
  const created = createdTime(image);
  if (before !== undefined && created >= createdTime(before)) return false;
  return since === undefined || created > createdTime(since);
}

function hasLabels(image: StoredImage, wanted: readonly string[]): boolean {
  const labels = image.config.config?.Labels ?? {};
  return wanted.every((text) => hasLabel(labels, text));
}

/**
 * Docker's `reference` filter: on the familiar name and the whole one, `docker.io/library/alpine`, with tag or digest and
 * without (moby, daemon/images/image_list.go; dockerd 20.10 takes the familiar one only).
 */
function matches(reference: Reference, patterns: readonly string[]): boolean {
  const names = [familiarReference, familiarName, formatReference, repositoryOf].map((form) =>
    form(reference),
  );
  return patterns.some((pattern) => names.some((name) => pathMatch(pattern, name)));
}
