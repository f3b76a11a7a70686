/**
 * `rmi`: takes names away and, with the last one, the image and the layers that nobody else needs (behaviours B092,
 * B093). The rules are those of Docker's daemon; so is every text.
 */
import { Failure } from "../../errors.ts";
import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  shortId,
  withDefaultTag,
  type ImageId,
  type Reference,
} from "../../oci/index.ts";
import {
  deleteImage as deleteStored,
  resolveImage,
  type Store,
  type StoredImage,
} from "../../store/index.ts";
import { imagesOf } from "../containers/image_mounts.ts";
import { listRecords, type ContainerRecord } from "../containers/record.ts";
import { reconcile } from "../containers/state.ts";
import { isIdPrefix } from "./id_prefix.ts";

export interface RemoveOptions {
  readonly force?: boolean;
  /** Keeps untagged parents. */
  readonly noPrune?: boolean;
}

export type RemovedLine = { readonly Untagged: string } | { readonly Deleted: string };

interface Removal {
  readonly store: Store;
  readonly force: boolean;
  readonly prune: boolean;
  readonly lines: RemovedLine[];
  readonly containers: readonly ContainerRecord[];
}

/** Removes what `name` means. Throws `Failure("not-found")` or `Failure("conflict")` in Docker's words. */
export async function removeImage(
  store: Store,
  name: string,
  options: RemoveOptions = {},
): Promise<RemovedLine[]> {
  const image = await resolveImage(store, name);
  const removal: Removal = {
    store,
    force: options.force ?? false,
    prune: !(options.noPrune ?? false),
    lines: [],
    containers: await Promise.all((await listRecords(store.root)).map((record) => reconcile(store, record))),
  };
  const byName = !isIdPrefix(image.id, name);
  const gone = byName ? await untagByName(removal, image, name) : await untagById(removal, image);
  if (gone) await deleteImage(removal, image, { force: removal.force, quiet: byName });
  return removal.lines;
}

/** Removes one name, then digest names that no tag of their repository stands for any more. True: no name is left. */
async function untagByName(removal: Removal, image: StoredImage, text: string): Promise<boolean> {
  const { store, force, containers } = removal;
  const names = await store.names.namesOf(image.id);
  if (!force && isSingleReference(names)) {
    const user = containers.find((container) => imagesOf(container).includes(image.id));
    if (user !== undefined) {
      throw new Failure(
        "conflict",
        `conflict: unable to remove repository reference "${text}" (must force) - container ${shortId(user.ID)} is using its referenced image ${shortId(image.id)}`,
      );
    }
  }
  const name = withDefaultTag(parseReference(text));
  await untag(removal, name);
  const left = await store.names.namesOf(image.id);
  const sameRepository = left.filter((other) => familiarName(other) === familiarName(name));
  if (name.digest === undefined && sameRepository.every((other) => other.digest !== undefined)) {
    for (const other of sameRepository) await untag(removal, other);
  }
  return (await store.names.namesOf(image.id)).length === 0;
}

/** An ID removes all names when they are one tag, with its digests; else the conflict check below refuses. */
async function untagById(removal: Removal, image: StoredImage): Promise<boolean> {
  const names = await removal.store.names.namesOf(image.id);
  if (isSingleReference(names)) {
    await refuseConflicts(removal, image, { force: removal.force, ignoreNames: true });
    for (const name of names) await untag(removal, name);
  }
  return true;
}

async function untag(removal: Removal, name: Reference): Promise<void> {
  await removal.store.names.remove(name);
  removal.lines.push({ Untagged: familiarReference(name) });
}

/** At most one tag, and digests of the same repository only. */
function isSingleReference(names: readonly Reference[]): boolean {
  if (names.length <= 1) return true;
  const tags = names.filter((name) => name.digest === undefined);
  const repositories = new Set(
    names.map((name) => formatReference({ domain: name.domain, path: name.path })),
  );
  return tags.length <= 1 && repositories.size === 1;
}

interface DeleteOptions {
  readonly force: boolean;
  /** A conflict ends the work instead of failing it: the name is gone already, or this is a parent on the way up. */
  readonly quiet: boolean;
}

async function deleteImage(
  removal: Removal,
  image: StoredImage,
  { force, quiet }: DeleteOptions,
): Promise<void> {
  const { store, lines } = removal;
  try {
    await refuseConflicts(removal, image, { force, ignoreNames: false });
  } catch (error) {
    if (quiet) return;
    throw error;
  }
  for (const name of await store.names.namesOf(image.id)) await untag(removal, name);
  // Image and layers in one step: a kill in between leaves nothing that would have to wait for garbage collection.
  const freed = await deleteStored(store, image.id);
  for (const deleted of [image.id, ...freed]) lines.push({ Deleted: deleted });
  const parent = image.parent === undefined ? undefined : await store.images.get(image.parent);
  if (removal.prune && parent !== undefined)
    await deleteImage(removal, parent, { force: false, quiet: true });
}

/** Throws when something needs the image: hard reasons always, soft ones unless forced. */
async function refuseConflicts(
  removal: Removal,
  image: StoredImage,
  { force, ignoreNames }: { readonly force: boolean; readonly ignoreNames: boolean },
): Promise<void> {
  const users = removal.containers.filter((container) => imagesOf(container).includes(image.id));
  const running = users.find((container) => container.State.Running);
  const conflict = (how: "cannot be forced" | "must be forced", why: string): Failure =>
    new Failure("conflict", `conflict: unable to delete ${shortId(image.id)} (${how}) - ${why}`);
  if (await hasChildren(removal.store, image.id)) {
    throw conflict("cannot be forced", "image has dependent child images");
  }
  if (running !== undefined) {
    throw conflict("cannot be forced", `image is being used by running container ${shortId(running.ID)}`);
  }
  if (force) return;
  if (!ignoreNames && (await removal.store.names.namesOf(image.id)).length > 0) {
    throw conflict("must be forced", "image is referenced in multiple repositories");
  }
  const stopped = users[0];
  if (stopped !== undefined) {
    throw conflict("must be forced", `image is being used by stopped container ${shortId(stopped.ID)}`);
  }
}

/** Whether another image names this one as its parent. */
export async function hasChildren(store: Store, id: ImageId): Promise<boolean> {
  for (const other of await store.images.list()) {
    if ((await store.images.get(other))?.parent === id) return true;
  }
  return false;
}
