/**
 * Storage as requests see it while garbage collection runs beside them: what is missing is looked for in the trash, what
 * is written is no longer condemned, what is removed can be undeleted. The core has no other part in the protocol than to
 * ask `keeping` where it tells a client "exists".
 */
import type { StorageDriver } from "../storage/types.ts";
import type { BlobGuard } from "./blob_guard.ts";

export interface GuardedStorage {
  /** For all that needs no more than to find what is there, as a pull does. */
  readonly storage: StorageDriver;
  /**
   * As `storage`, and what is read or statted stays for as long as a push takes: for HEAD, a mount, and what a manifest
   * names.
   */
  readonly keeping: StorageDriver;
}

export function guardedStorage(storage: StorageDriver, guard: BlobGuard): GuardedStorage {
  const guarded = guardedDriver(storage, guard);
  const claimed = async (path: string): Promise<string> => {
    if (isGuarded(path)) await guard.claim([path]);
    return path;
  };
  const keeping: StorageDriver = {
    ...guarded,
    read: async (path) => guarded.read(await claimed(path)),
    stat: async (path) => guarded.stat(await claimed(path)),
  };
  return { storage: guarded, keeping };
}

/** Blobs and links of the tree; uploads, caches and our own records have nothing to do with garbage collection. */
function isGuarded(path: string): boolean {
  return /^docker\/registry\/v2\/.*\/(?:data|link|type)$/.test(path) && !path.includes("/_uploads/");
}

function guardedDriver(storage: StorageDriver, guard: BlobGuard): StorageDriver {
  const isFound = async (path: string) => isGuarded(path) && (await guard.recover(path));
  const claim = async (path: string) => (isGuarded(path) ? guard.claim([path]) : false);
  const { openFile, redirectUrl, close } = storage;
  return {
    name: storage.name,
    async read(path) {
      const bytes = await storage.read(path);
      return bytes === undefined && (await isFound(path)) ? storage.read(path) : bytes;
    },
    async stat(path) {
      const stat = await storage.stat(path);
      return stat === undefined && (await isFound(path)) ? storage.stat(path) : stat;
    },
    async write(path, bytes) {
      await claim(path);
      await storage.write(path, bytes);
    },
    async writeNew(path, bytes) {
      await claim(path);
      return storage.writeNew(path, bytes);
    },
    async move(from, to) {
      await claim(to);
      await storage.move(from, to);
    },
    async remove(path) {
      const files = filesOf(path);
      if (files === undefined) await storage.remove(path);
      else await guard.discard(files, "request");
    },
    open: (path, range, signal) => storage.open(path, range, signal),
    appendTo: (path, options) => storage.appendTo(path, options),
    list: (path) => storage.list(path),
    ...(openFile && {
      openFile: async (path) => {
        const file = await openFile.call(storage, path);
        return file === undefined && (await isFound(path)) ? openFile.call(storage, path) : file;
      },
    }),
    ...(redirectUrl && { redirectUrl: (path, options) => redirectUrl.call(storage, path, options) }),
    ...(close && { close: () => close.call(storage) }),
  };
}

/** What a request to delete removes, file by file; undefined: nothing that could be undeleted. */
function filesOf(path: string): readonly string[] | undefined {
  if (/\/_layers\/[^/]+\/[^/]+\/link$/.test(path)) return [path];
  if (/\/_manifests\/revisions\/[^/]+\/[^/]+$/.test(path)) return [`${path}/link`, `${path}/type`];
  return /\/_manifests\/tags\/[^/]+$/.test(path) ? [`${path}/current/link`] : undefined;
}
