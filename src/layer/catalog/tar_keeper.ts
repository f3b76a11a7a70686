/** Keeps a layer's tar as it is, in one file, and writes beside it what is in it. */
import { closeSync, openSync, writeSync } from "node:fs";
import type { RawSink, TarEntry, TarSink } from "../../tar/index.ts";
import { type ApplyLimits, EntryRules } from "../entry_rules.ts";
import type { AppliedLayer } from "../layer_applier.ts";
import type { TarTarget } from "../types.ts";
import { encodeCatalog } from "./catalog_file.ts";
import { CatalogMaker } from "./catalog_maker.ts";

/** Refuses what `LayerApplier` refuses. After a failure both files are left to the caller. */
export class TarKeeper implements TarSink {
  /** Counts the bytes that the parser has gone through: so an entry knows where its content begins. */
  readonly raw: RawSink;
  readonly #target: TarTarget;
  readonly #fd: number;
  readonly #maker: CatalogMaker;
  readonly #rules: EntryRules;
  #position = 0;
  #closed = false;

  constructor(target: TarTarget, limits: ApplyLimits) {
    this.#target = target;
    this.#maker = new CatalogMaker(() => this.#position);
    this.#rules = new EntryRules(this.#maker, limits);
    const count = (chunk: Uint8Array): void => void (this.#position += chunk.length);
    this.raw = { raw: count, content: count, beginContent: () => undefined };
    this.#fd = openSync(target.tar, "w", 0o600);
  }

  /** Takes the tar's bytes, before the parser does. */
  write(plain: Uint8Array): void {
    for (let at = 0; at < plain.length;) at += writeSync(this.#fd, plain, at);
  }

  entry(entry: TarEntry): void {
    this.#rules.apply(entry);
  }

  data(): void {
    // It lies in the tar.
  }

  endEntry(): void {
    // Nothing is open.
  }

  /** Writes the catalog. Once, after the last entry. */
  finish(): AppliedLayer {
    if (this.#rules.hasLinkSources) this.#maker.removeLinkSources();
    const fd = openSync(this.#target.catalog, "w", 0o600);
    try {
      const bytes = encodeCatalog(this.#maker.root);
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    } finally {
      closeSync(fd);
    }
    return { size: this.#maker.size, entries: this.#rules.entries };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }
}
