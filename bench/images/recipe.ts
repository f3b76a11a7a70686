/** What an image of the benchmark is made of. */
import type { PackedEntry, TarEntry } from "../../src/tar/index.ts";

/** Entries of one layer, in their order. */
export type LayerRecipe = () => Iterable<PackedEntry>;

export interface ImageRecipe {
  /** By which the user chooses it. */
  readonly name: string;
  readonly title: string;
  /** Different content has a different key: images are kept under it. */
  readonly key: string;
  /** Bottom first. */
  readonly layers: readonly LayerRecipe[];
}

const template: TarEntry = {
  path: "",
  type: "file",
  linkPath: "",
  mode: 0o644,
  uid: 0,
  gid: 0,
  uname: "root",
  gname: "root",
  size: 0,
  mtime: 1_700_000_000,
  mtimeNs: 0,
  devMajor: 0,
  devMinor: 0,
};

export function fileEntry(path: string, body: Uint8Array, more: Partial<TarEntry> = {}): PackedEntry {
  return { entry: { ...template, path, size: body.length, ...more }, body };
}

export function directoryEntry(path: string, more: Partial<TarEntry> = {}): PackedEntry {
  return { entry: { ...template, path: `${path}/`, type: "directory", mode: 0o755, ...more } };
}

export function symlinkEntry(path: string, linkPath: string, more: Partial<TarEntry> = {}): PackedEntry {
  return { entry: { ...template, path, linkPath, type: "symlink", mode: 0o777, ...more } };
}
