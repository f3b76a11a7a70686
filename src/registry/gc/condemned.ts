/** Records of what is to be deleted: `varve/gc/condemned/<path in the tree>` holds the time since which. */
import type { StorageDriver } from "../storage/types.ts";

const root = "varve/gc/condemned";

/** Tells since when the file is condemned; undefined: it is not, or is no more. */
export async function condemnedSince(storage: StorageDriver, path: string): Promise<number | undefined> {
  const bytes = await storage.read(`${root}/${path}`);
  if (bytes === undefined) return undefined;
  const time = Number(Buffer.from(bytes).toString("latin1"));
  // A damaged record is as good as one that says "in the future": the next run writes it anew.
  return Number.isSafeInteger(time) ? time : Number.MAX_SAFE_INTEGER;
}

/** Condemns, unless somebody has already; returns since when. */
export async function condemn(storage: StorageDriver, path: string, now: number): Promise<number> {
  const record = Buffer.from(String(now));
  if (await storage.writeNew(`${root}/${path}`, record)) return now;
  const since = await condemnedSince(storage, path);
  if (since !== undefined && since <= now) return since;
  await storage.write(`${root}/${path}`, record);
  return now;
}

export async function withdraw(storage: StorageDriver, path: string): Promise<void> {
  await storage.remove(`${root}/${path}`);
}

/** Paths of all that is condemned below a path of the tree. */
export async function* condemnedBelow(storage: StorageDriver, path: string): AsyncIterable<string> {
  for await (const child of storage.list(path === "" ? root : `${root}/${path}`)) {
    const below = path === "" ? child.name : `${path}/${child.name}`;
    if (child.kind === "file") yield below;
    else yield* condemnedBelow(storage, below);
  }
}
