/** Which repositories there are: a walk of the tree in the order of their names, from any name on. */
import type { StorageDriver } from "./storage/types.ts";
import { paths } from "./tree.ts";

/**
 * Names of repositories behind `last`, in the order of their characters. What lies before `last` is not looked into, so a
 * page costs what it shows. A directory is a repository when it has `_layers` or `_manifests`; it may hold others.
 * @param last empty: from the first on
 */
export function repositoriesAfter(
  storage: StorageDriver,
  last = "",
): AsyncGenerator<string, void, undefined> {
  return walk(storage, "", last);
}

async function* walk(
  storage: StorageDriver,
  prefix: string,
  last: string,
): AsyncGenerator<string, void, undefined> {
  const above = prefix === "" ? paths.repositories : `${paths.repositories}/${prefix.slice(0, -1)}`;
  // `a`, then `a-b`, then `a/b`: what lies below a name comes after what begins with it and a sign before the slash.
  const steps: string[] = [];
  for await (const { name, kind } of storage.list(above)) {
    if (kind !== "directory" || name.startsWith("_")) continue;
    const full = `${prefix}${name}`;
    if (full > last) steps.push(full);
    if (mayHoldAfter(`${full}/`, last)) steps.push(`${full}/`);
  }
  for (const step of steps.sort()) {
    if (step.endsWith("/")) yield* walk(storage, step, last);
    else if (await isRepository(storage, step)) yield step;
  }
}

function mayHoldAfter(prefix: string, last: string): boolean {
  return prefix > last || last.startsWith(prefix);
}

/** Whether anything was ever pushed there and not all of it deleted. */
export async function isRepository(storage: StorageDriver, name: string): Promise<boolean> {
  const found = (await storage.stat(paths.layers(name))) ?? (await storage.stat(paths.manifests(name)));
  return found?.kind === "directory";
}
