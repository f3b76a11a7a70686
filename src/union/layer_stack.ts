/**
 * Looking names up in branches on top of each other (kernel overlayfs.rst: "whiteouts and opaque directories",
 * "redirect_dir", "Metadata only copy up"; behaviours B016, B017). Knows nothing of writing.
 */
import type { ByteString } from "../byte_string.ts";
import { Failure } from "../errors.ts";
import { linksDirectory } from "./file_marks.ts";
import type { Marks } from "./marks.ts";
import { byName, childOf } from "./path.ts";
import type { Branch, DirectoryEntry, NodeStat } from "./types.ts";

export interface Layer {
  readonly branch: Branch;
  readonly marks: Marks;
}

/** A path in one of the layers. */
export interface Part {
  /** Place in the stack, 0 for the uppermost. */
  readonly layer: number;
  readonly path: ByteString;
}

export interface FoundDirectory {
  readonly stat: NodeStat;
  /** What merges to it, uppermost first. */
  readonly parts: readonly Part[];
}

export interface FoundOther {
  readonly stat: NodeStat;
  readonly parts?: never;
  readonly at: Part;
  /** Where the bytes of a file are: elsewhere if only its attributes were copied up. */
  readonly content: Part;
}

export type Found = FoundDirectory | FoundOther;

export interface LayerStackOptions {
  /** AUFS: a file of a lower layer may have been copied up under another of its names, into the uppermost layer. */
  readonly pseudoLinks?: boolean;
}

export class LayerStack {
  readonly layers: readonly Layer[];
  readonly #pseudoLinks: boolean;

  /** @param layers uppermost first, at least one */
  constructor(layers: readonly Layer[], options: LayerStackOptions = {}) {
    this.layers = layers;
    this.#pseudoLinks = options.pseudoLinks ?? false;
  }

  layer(index: number): Layer {
    return this.layers[index] as Layer;
  }

  /** The root shows the attributes of the uppermost layer's root, and all layers' names. */
  get root(): FoundDirectory {
    const parts = this.layers.map((_, layer) => ({ layer, path: "" }));
    const stat = this.layer(0).branch.stat("");
    if (stat === undefined) throw new Failure("internal", "the uppermost layer has no root directory");
    return { stat, parts };
  }

  /** What the merged directory made of `parts` has under `name`. */
  lookup(parts: readonly Part[], name: ByteString): Found | undefined {
    const found: Part[] = [];
    let top: NodeStat | undefined;
    let search: Search = { rest: parts, name };
    for (let part = search.rest[0]; part !== undefined; part = search.rest[0]) {
      const { branch, marks } = this.layer(part.layer);
      const { stat, stops } = marks.find(branch, part.path, search.name);
      const here = { layer: part.layer, path: childOf(part.path, search.name) };
      search = { rest: search.rest.slice(1), name: search.name };
      if (stat !== undefined && stat.kind !== "directory") {
        // A file below a directory is hidden by it, and hides what lies below itself.
        if (top !== undefined) break;
        return this.#linked(here, stat) ?? { stat, at: here, content: this.#contentOf(here, search) };
      }
      if (stat !== undefined) {
        top ??= stat;
        found.push(here);
        search = stops ? search : this.#redirected(here, search);
      }
      if (stops) break;
    }
    return top === undefined ? undefined : { stat: top, parts: found };
  }

  /** Each name of the merged directory once, sorted by bytes. */
  list(parts: readonly Part[]): DirectoryEntry[] {
    const merged = new Map<ByteString, DirectoryEntry>();
    const hidden = new Set<ByteString>();
    for (const { layer, path } of parts) {
      const { branch, marks } = this.layer(layer);
      const listing = marks.list(branch, path);
      for (const entry of listing.entries) {
        if (!hidden.has(entry.name) && !merged.has(entry.name)) merged.set(entry.name, entry);
      }
      for (const name of listing.hidden) hidden.add(name);
    }
    return [...merged.values()].sort(byName);
  }

  /** Where the found directory or file has its attributes. */
  top(found: Found): Part {
    return found.parts === undefined ? found.at : (found.parts[0] as Part);
  }

  read(found: FoundOther, offset: number, length: number): Uint8Array {
    return this.layer(found.content.layer).branch.read(found.content.path, offset, length);
  }

  readLink(found: Found): ByteString {
    const { layer, path } = this.top(found);
    return this.layer(layer).branch.readLink(path);
  }

  xattrs(found: Found): Map<ByteString, Uint8Array> {
    const { layer, path } = this.top(found);
    const { branch, marks } = this.layer(layer);
    return marks.xattrs(branch, path);
  }

  /** What a metacopy called `name` in layer 0 is made of: the file further down, which may be a metacopy too. */
  lowerOf(parent: FoundDirectory, name: ByteString, at: Part): Found | undefined {
    const search = this.#redirected(at, { rest: parent.parts.filter(({ layer }) => layer > at.layer), name });
    return this.lookup(search.rest, search.name);
  }

  /** Where AUFS keeps the copy of a lower file that has more names than one. */
  pseudoLink({ layer }: Part, { ino }: NodeStat): ByteString {
    return `${linksDirectory}/${ino}.${this.layers.length - layer}`;
  }

  #linked(at: Part, stat: NodeStat): FoundOther | undefined {
    if (!this.#pseudoLinks || at.layer === 0 || stat.kind !== "file" || stat.nlink < 2) return undefined;
    const path = this.pseudoLink(at, stat);
    const copy = this.layer(0).branch.stat(path);
    const there = { layer: 0, path };
    return copy && { stat: copy, at: there, content: there };
  }

  /** The content of a metacopy: that of the first file further down which has any. */
  #contentOf(here: Part, search: Search): Part {
    const { branch, marks } = this.layer(here.layer);
    if (!marks.isMetacopy(branch, here.path)) return here;
    const { rest, name } = this.#redirected(here, search);
    const below = this.lookup(rest, name);
    if (below?.parts === undefined && below?.stat.kind === "file") return below.content;
    const path = JSON.stringify(here.path);
    throw new Failure("corrupt", `the content of ${path}, a copy of attributes only, is in no layer below`);
  }

  /** A redirect is a name in the same directory, or a path from the root of all layers below. */
  #redirected(here: Part, search: Search): Search {
    const { branch, marks } = this.layer(here.layer);
    const redirect = marks.redirect(branch, here.path);
    if (redirect === undefined) return search;
    if (!redirect.startsWith("/")) return { rest: search.rest, name: redirect };
    const names = redirect.split("/").filter((part) => part !== "");
    let rest: readonly Part[] = this.root.parts.slice(here.layer + 1);
    for (const name of names.slice(0, -1)) rest = this.lookup(rest, name)?.parts ?? [];
    return { rest, name: names.at(-1) ?? "." };
  }
}

/** Where a lookup goes on: the lower parts of the directory, and the name in them. */
interface Search {
  readonly rest: readonly Part[];
  readonly name: ByteString;
}
