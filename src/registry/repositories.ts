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

/** Directories that are looked into ahead of the one that is wanted: each look is a way to the storage and back. */
const lookahead = 8;

async function* walk(
  storage: StorageDriver,
  prefix: string,
  last: string,
  children: Promise<readonly string[]> = directoriesIn(storage, paths.repositories),
): AsyncGenerator<string, void, undefined> {
  // `a`, then `a-b`, then `a/b`: what lies below a name comes after what begins with it and a sign before the slash.
  const steps: string[] = [];
  for (const name of await children) {
    if (name.startsWith("_")) continue;
    const full = `${prefix}${name}`;
    if (full > last) steps.push(full);
    if (mayHoldAfter(`${full}/`, last)) steps.push(`${full}/`);
  }
  steps.sort();
  const inside = new Map<string, Promise<readonly string[]>>();
  const look = (step: string): Promise<readonly string[]> => {
    const name = step.replace(/\/$/, "");
    const known = inside.get(name);
    if (known !== undefined) return known;
    const found = directoriesIn(storage, `${paths.repositories}/${name}`);
    // Perhaps nobody comes as far as this one.
    found.catch(() => undefined);
    inside.set(name, found);
    return found;
  };
  let next = 0;
  for (const [i, step] of steps.entries()) {
    next = Math.max(next, i);
    while (next < steps.length && inside.size < lookahead) void look(steps[next++] as string);
    const found = look(step);
    if (step.endsWith("/")) {
      inside.delete(step.slice(0, -1));
      yield* walk(storage, step, last, found);
    } else {
      const names = await found;
      // Whether anything was ever pushed there and not all of it deleted.
      if (names.includes("_layers") || names.includes("_manifests")) yield step;
    }
  }
}

async function directoriesIn(storage: StorageDriver, path: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, kind } of storage.list(path)) if (kind === "directory") names.push(name);
  return names;
}

function mayHoldAfter(prefix: string, last: string): boolean {
  return prefix > last || last.startsWith(prefix);
}

/** Whether anything was ever pushed there and not all of it deleted. */
export async function isRepository(storage: StorageDriver, name: string): Promise<boolean> {
  const found = (await storage.stat(paths.layers(name))) ?? (await storage.stat(paths.manifests(name)));
  return found?.kind === "directory";
}
