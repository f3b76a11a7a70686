/** Attributes as the layers' tars have them, for where an ordinary user could not unpack them exactly. */
import type { ByteString } from "../byte_string.ts";
import { throwIfCancelled } from "../bytes/index.ts";
import type { Store, StoredLayer } from "../store/index.ts";
import { readTar, type TarEntry } from "../tar/index.ts";

/**
 * Gives the directories among `entries` owner, permission, time and attributes of the uppermost layer that has them; one
 * that no layer lists was made by unpacking, and is root's. Reads whole layers, from the top down to the last that is
 * needed. Throws `Failure("corrupt")` for a damaged layer, `Failure("cancelled")`.
 * @param layers bottom first
 */
export async function takeRecordedAttributes(
  store: Store,
  layers: readonly StoredLayer[],
  entries: readonly TarEntry[],
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Map(entries.map((entry) => [tidy(entry.path), entry]));
  for (const entry of entries) Object.assign(entry, { uid: 0, gid: 0 });
  for (const { chainId } of layers.toReversed()) {
    if (wanted.size === 0) return;
    const found = new Map<ByteString, TarEntry>();
    for await (const { entry } of readTar(await store.layers.openTar(chainId, { signal }))) {
      throwIfCancelled(signal);
      if (entry.type === "directory" && wanted.has(tidy(entry.path))) found.set(tidy(entry.path), entry);
    }
    for (const [path, { mode, uid, gid, mtime, xattrs }] of found) {
      Object.assign(wanted.get(path) as TarEntry, { mode, uid, gid, mtime, ...(xattrs && { xattrs }) });
      wanted.delete(path);
    }
  }
}

function tidy(path: ByteString): ByteString {
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}
