/** What a mount shows of a stage, an image or a context: a directory of this machine. */
import { mkdtemp, readlink, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { fromText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import type { ChainId } from "../../oci/index.ts";
import { makeTemporaryLayer } from "../../store/index.ts";
import * as sys from "../../sys/index.ts";
import type { MountPlace } from "./types.ts";

export interface SourceOptions {
  readonly from: string | undefined;
  /** In what `from` names; symlinks are followed there. */
  readonly path: string;
  /** What is written is seen by nobody else, and goes. */
  readonly writable: boolean;
}

/**
 * The real path of it, free of symlinks; it stays until `open` is disposed of.
 * @throws {Failure} `not-found` if there is no such path
 */
export async function openSource(
  { from, path, writable }: SourceOptions,
  place: MountPlace,
  open: AsyncDisposableStack,
): Promise<string> {
  const source = await place.sources(from);
  const root =
    "top" in source
      ? await mountLayers(source.top, writable, place, open)
      : await place.materialize(source, path);
  return resolveInside(root, path);
}

async function mountLayers(
  top: ChainId | undefined,
  writable: boolean,
  { store, session }: MountPlace,
  open: AsyncDisposableStack,
): Promise<string> {
  if (top === undefined) {
    const empty = await mkdtemp(join(session.directory, "empty-"));
    open.defer(() => rmdir(empty).catch(() => sys.removeTreeInSlices(fromText(empty))));
    return empty;
  }
  if (!writable) {
    const layer = await store.layers.get(top);
    if (layer === undefined) throw new Failure("not-found", `cannot mount layer ${top}: there is none`);
    return open.use(await store.driver.mount(layer.cacheId, { readOnly: true })).path;
  }
  const layer = await makeTemporaryLayer(store, session, top, { container: false });
  open.defer(() => layer.remove());
  return open.use(await store.driver.mount(layer.id, { volatile: true })).path;
}

/** The real path of `path` in `root`, however its symlinks lead. @throws {Failure} `not-found` if there is none */
export async function resolveInside(root: string, path: string): Promise<string> {
  const rootFd = sys.openAt(sys.AT_FDCWD, fromText(root), sys.O_PATH | sys.O_DIRECTORY);
  try {
    const inside = path.replace(/^\/+/, "") || ".";
    const fd = sys.openIn(rootFd, fromText(inside), sys.O_PATH);
    try {
      return await readlink(`/proc/self/fd/${fd}`);
    } finally {
      sys.close(fd);
    }
  } catch (error) {
    if (!sys.isSysError(error, "ENOENT", "ENOTDIR", "ELOOP")) throw error;
    // BuildKit's words.
    const shown = `/${path.replace(/^[./]+/, "")}`;
    throw new Failure("not-found", `failed to compute cache key: "${shown}": not found`, { cause: error });
  } finally {
    sys.close(rootFd);
  }
}
