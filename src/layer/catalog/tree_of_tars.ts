/** What a stack of layers shows, read from nothing but their tars. */
import { type ByteSource, throwIfCancelled } from "../../bytes/index.ts";
import { TarParser } from "../../tar/index.ts";
import type { DirectoryNode } from "../../union/index.ts";
import { EntryRules } from "../entry_rules.ts";
import { CatalogMaker } from "./catalog_maker.ts";
import type { CatalogNode } from "./catalog_node.ts";
import { mergeCatalogs } from "./merge_catalogs.ts";

/**
 * Merges the layers whose tars these are, bottom first; each is read to its end before the next one is asked for.
 * Extents name tars by their place in the list.
 * @throws Failure for what a layer may not hold, and what the sources throw
 */
export async function treeOfTars(
  tars: Iterable<ByteSource> | AsyncIterable<ByteSource>,
  signal: AbortSignal,
): Promise<DirectoryNode> {
  const catalogs: CatalogNode[] = [];
  for await (const tar of tars) catalogs.push(await catalogOf(tar, signal));
  return mergeCatalogs(catalogs);
}

async function catalogOf(tar: ByteSource, signal: AbortSignal): Promise<CatalogNode> {
  let position = 0;
  const maker = new CatalogMaker(() => position);
  const rules = new EntryRules(maker, {});
  const count = (chunk: Uint8Array): void => void (position += chunk.length);
  const parser = new TarParser(
    { entry: (entry) => rules.apply(entry), data: () => undefined, endEntry: () => undefined },
    { raw: { raw: count, content: count, beginContent: () => undefined } },
  );
  for await (const chunk of tar) {
    throwIfCancelled(signal);
    parser.write(chunk);
  }
  parser.end();
  if (rules.hasLinkSources) maker.removeLinkSources();
  return maker.root;
}
