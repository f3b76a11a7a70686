/** Parts of tars that other layers have: each holder has a hard link of the tar, so the links are the count. */
import { readdirSync, rmSync, statSync } from "node:fs";
import { isFailure } from "../../../errors.ts";
import { lentDirectory, lentTar, readShared, syncDirectory } from "../../../layer/index.ts";
import type { CacheId } from "../../types.ts";
import type { ErofsLayout } from "../erofs_layout.ts";

/** What is needed of one tar by others than its own layer. */
export interface Lent {
  /** A name of it. */
  readonly path: string;
  /** Of all its names. */
  readonly links: number;
  /** How many of them are other layers' links. */
  holders: number;
  readonly ranges: { readonly offset: number; readonly length: number }[];
}

/** By {@link inodeOf}. */
export function lentTars(layout: ErofsLayout): Map<string, Lent> {
  const lent = new Map<string, Lent>();
  for (const id of layout.names()) {
    for (const { path, ranges } of heldBy(layout, id)) {
      const stat = statSync(path, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      const key = `${stat.dev} ${stat.ino}`;
      const known = lent.get(key) ?? { path, links: stat.nlink, holders: 0, ranges: [] };
      known.holders++;
      known.ranges.push(...ranges);
      lent.set(key, known);
    }
  }
  return lent;
}

/** The same for the same file under any of its names; undefined for a missing one. */
export function inodeOf(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat && `${stat.dev} ${stat.ino}`;
}

interface Held {
  readonly path: string;
  readonly ranges: Lent["ranges"];
}

function heldBy(layout: ErofsLayout, id: CacheId): Held[] {
  const target = { tar: layout.tar(id) };
  const names = linksOf(target);
  const paths = names.map((name) => `${lentDirectory(target)}/${name}`);
  try {
    const shared = names.length === 0 ? [] : readShared(target);
    return paths.map((path) => ({
      path,
      ranges: shared
        .filter(({ donor }) => lentTar(target, donor) === path)
        .map(({ donorOffset, length }) => ({ offset: donorOffset, length })),
    }));
  } catch (error) {
    if (!isFailure(error, "corrupt")) throw error;
    // Nobody knows which parts it needs, or it is just being removed: then all of them.
    return paths.map((path) => ({ path, ranges: [{ offset: 0, length: Infinity }] }));
  }
}

function linksOf(target: { readonly tar: string }): string[] {
  try {
    return readdirSync(lentDirectory(target));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Takes away links that a killed run made and nothing needs. @throws Failure("corrupt") */
export function dropUnneededLinks(target: { readonly tar: string }): void {
  const names = linksOf(target);
  if (names.length === 0) return;
  const needed = new Set(readShared(target).map(({ donor }) => lentTar(target, donor)));
  const directory = lentDirectory(target);
  const unneeded = names.map((name) => `${directory}/${name}`).filter((path) => !needed.has(path));
  for (const path of unneeded) rmSync(path);
  if (unneeded.length > 0) syncDirectory(directory);
}
