/** For the tests of this folder: layers as they are kept, and what is in their catalogs, written down. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type PackedFile, tarOf } from "../../../test/support/tar_help.ts";
import { lineOf, type TreeLines } from "../../../test/suites/tree_lines.ts";
import type { ByteString } from "../../byte_string.ts";
import { isFailure } from "../../errors.ts";
import { type TarEntry, TarParser } from "../../tar/index.ts";
import { type ApplyLimits, EntryRules } from "../entry_rules.ts";
import type { AppliedLayer } from "../layer_applier.ts";
import { childOf } from "../layer_path.ts";
import { decodeCatalog } from "./catalog_file.ts";
import { CatalogMaker } from "./catalog_maker.ts";
import type { CatalogNode } from "./catalog_node.ts";
import { TarKeeper } from "./tar_keeper.ts";

export interface KeptTar extends AppliedLayer {
  readonly root: CatalogNode;
}

/** Keeps `tar` in `directory` and reads its catalog. The bytes come in chunks, as they do from a registry. */
export function keepTar(
  directory: string,
  tar: Buffer,
  limits: ApplyLimits = {},
  chunk = tar.length,
): KeptTar {
  const target = { tar: join(directory, "layer.tar"), catalog: join(directory, "catalog") };
  const keeper = new TarKeeper(target, limits);
  try {
    const parser = new TarParser(keeper, { raw: keeper.raw });
    for (let at = 0; at < tar.length; at += chunk) {
      const bytes = tar.subarray(at, at + chunk);
      keeper.write(bytes);
      parser.write(bytes);
    }
    parser.end();
    const applied = keeper.finish();
    return { ...applied, root: decodeCatalog(readFileSync(target.catalog), "the test") };
  } finally {
    keeper.close();
  }
}

/** A catalog with its contents from the tar, as a change directory of overlayfs would be written down. */
export function linesOfCatalog(root: CatalogNode, tar: Buffer): TreeLines {
  const lines: TreeLines = new Map();
  const firsts = new Map<CatalogNode, ByteString>();
  for (const [path, node] of walkCatalog(root)) {
    const { kind, opaque, target } = node;
    if (kind === "whiteout") {
      lines.set(path, lineOf({ stat: { ...node, kind: "char", mode: 0 }, xattrs: new Map() }));
      continue;
    }
    const first = firsts.get(node);
    if (first === undefined) firsts.set(node, path);
    const xattrs = new Map(node.xattrs);
    if (opaque) xattrs.set("trusted.overlay.opaque", Buffer.from("y"));
    lines.set(
      path,
      lineOf({
        stat: { ...node, kind, size: kind === "symlink" ? target.length : node.size },
        xattrs,
        ...(kind === "file" && { content: contentOf(node, tar) }),
        ...(kind === "symlink" && { target }),
        ...(first !== undefined && { first }),
      }),
    );
  }
  return lines;
}

export function contentOf({ size, extents }: CatalogNode, tar: Buffer): Buffer {
  const bytes = Buffer.alloc(size);
  for (const { at, length, offset } of extents) tar.copy(bytes, at, offset, offset + length);
  return bytes;
}

/** Depth first, names by their bytes; without the root. */
export function* walkCatalog(
  directory: CatalogNode,
  path: ByteString = "",
): Generator<[path: ByteString, node: CatalogNode], void, undefined> {
  const { entries = new Map<ByteString, CatalogNode>() } = directory;
  for (const [name, node] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const child = childOf(path, name);
    yield [child, node];
    yield* walkCatalog(node, child);
  }
}

/** Directories that the tar does not list: they have no time of their own. */
export function impliedPaths(root: CatalogNode): ByteString[] {
  return [...walkCatalog(root)].filter(([, { implied }]) => implied).map(([path]) => path);
}

/** The catalog of a tar as it is made in memory. @throws Failure for what no layer may hold */
export function catalogOf(tar: Buffer): { readonly root: CatalogNode; readonly size: number } {
  let position = 0;
  const maker = new CatalogMaker(() => position);
  const rules = new EntryRules(maker, {});
  const count = (chunk: Uint8Array): void => void (position += chunk.length);
  const sink = { entry: (entry: TarEntry) => void rules.apply(entry), data: () => {}, endEntry: () => {} };
  const parser = new TarParser(sink, { raw: { raw: count, content: count, beginContent: () => {} } });
  parser.write(tar);
  parser.end();
  if (rules.hasLinkSources) maker.removeLinkSources();
  return { root: maker.root, size: maker.size };
}

/** Without the entries that would have the layer refused. */
export function acceptable(files: readonly PackedFile[]): PackedFile[] {
  const kept: PackedFile[] = [];
  for (const file of files) {
    try {
      catalogOf(tarOf([...kept, file]));
      kept.push(file);
    } catch (error) {
      if (!isFailure(error)) throw error;
    }
  }
  return kept;
}
