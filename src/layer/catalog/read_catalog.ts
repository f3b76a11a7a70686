/** What layers hold whose tars are kept. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { Failure } from "../../errors.ts";
import type { DirectoryNode, Extent } from "../../union/index.ts";
import type { TarTarget } from "../types.ts";
import { decodeCatalog } from "./catalog_file.ts";
import type { CatalogNode } from "./catalog_node.ts";
import { mergeCatalogs } from "./merge_catalogs.ts";
import { forEachPart, lentTar, readShared, type SharedRange } from "./shared_ranges.ts";

/** What to do about a layer that is not as it was stored. */
export const repairHint = "`varve system check --deep --repair` fetches the layer again.";

export function missingLayerFile(path: string, cause: unknown): Failure {
  return new Failure("corrupt", `layer file ${path} is missing`, { cause, hint: repairHint });
}

/** @throws Failure("corrupt") if the catalog is missing or not as it was written */
export function readCatalog({ catalog }: TarTarget): CatalogNode {
  let bytes: Buffer;
  try {
    bytes = readFileSync(catalog);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw missingLayerFile(catalog, error);
  }
  return decodeCatalog(bytes, catalog);
}

/** The tars in which the contents of a stack of layers lie. */
export interface KeptTars {
  /** The layers' own, bottom first, then those of which layers have parts. */
  readonly tars: readonly string[];
  /** What each layer has from others. */
  readonly shared: readonly (readonly SharedRange[])[];
}

/** @param layers bottom first @throws Failure("corrupt") */
export function keptTars(layers: readonly TarTarget[]): KeptTars {
  const shared = layers.map(readShared);
  const lent = shared.flatMap((ranges, index) => {
    const donors = new Set(ranges.map(({ donor }) => donor));
    return [...donors].map((donor) => lentTar(layers[index] as TarTarget, donor));
  });
  return { tars: [...layers.map(({ tar }) => tar), ...lent], shared };
}

/** What all `layers` together show, bottom first; extents name tars of `kept` by place. @throws Failure("corrupt") */
export function mergedTree(
  layers: readonly TarTarget[],
  { tars, shared }: KeptTars = keptTars(layers),
): DirectoryNode {
  const numbers = new Map(tars.map((path, index) => [path, index]));
  return mergeCatalogs(layers.map(readCatalog), (source, { at, length, offset }) => {
    const ranges = shared[source] ?? [];
    if (ranges.length === 0) return [{ at, length, source, offset }];
    const extents: Extent[] = [];
    forEachPart(ranges, offset, length, (from, to, range) => {
      const place = { at: at + from - offset, length: to - from };
      if (range === undefined) return extents.push({ ...place, source, offset: from });
      const lent = numbers.get(lentTar(layers[source] as TarTarget, range.donor)) as number;
      return extents.push({ ...place, source: lent, offset: range.donorOffset + from - range.offset });
    });
    return extents;
  });
}

/** A merged tree with the tars in which its contents lie, open. */
export interface OpenTree extends Disposable {
  readonly root: DirectoryNode;
  /** Descriptors, as extents name them. */
  readonly sources: readonly number[];
}

/** Opens the tars of `layers`, bottom first, for whoever reads contents out of them. @throws Failure("corrupt") */
export function openTree(layers: readonly TarTarget[]): OpenTree {
  using open = new DisposableStack();
  const openAll = (paths: readonly string[]): number[] =>
    paths.map((path) => open.adopt(openTar(path), closeSync));
  // Before the record of what lies elsewhere is read: nobody takes anything out of a tar that is open.
  const own = openAll(layers.map(({ tar }) => tar));
  const kept = keptTars(layers);
  const root = mergedTree(layers, kept);
  const sources = [...own, ...openAll(kept.tars.slice(own.length))];
  const held = open.move();
  return { root, sources, [Symbol.dispose]: () => held.dispose() };
}

function openTar(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "ENOENT" ? missingLayerFile(path, error) : error;
  }
}
