/** Keeps a layer's tar as it is, in one file, and writes beside it what is in it. */
import { fromText } from "../../byte_string.ts";
import * as sys from "../../sys/index.ts";
import type { RawSink, TarEntry, TarSink } from "../../tar/index.ts";
import { type ApplyLimits, EntryRules } from "../entry_rules.ts";
import type { AppliedLayer } from "../layer_applier.ts";
import { explainSysError } from "../refusals.ts";
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
    this.#fd = create(target.tar);
  }

  /** Takes the tar's bytes, before the parser does. */
  write(plain: Uint8Array): void {
    write(this.#fd, plain, this.#target.tar);
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
    const { catalog } = this.#target;
    const fd = create(catalog);
    try {
      write(fd, encodeCatalog(this.#maker.root), catalog);
    } finally {
      sys.close(fd);
    }
    return { size: this.#maker.size, entries: this.#rules.entries };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    sys.close(this.#fd);
  }
}

const fresh = sys.O_WRONLY | sys.O_CREAT | sys.O_TRUNC | sys.O_NOFOLLOW;

function create(path: string): number {
  try {
    return sys.openAt(sys.AT_FDCWD, fromText(path), fresh, 0o600);
  } catch (error) {
    throw explainSysError(`cannot keep a layer in ${path}`, error);
  }
}

function write(fd: number, bytes: Uint8Array, path: string): void {
  try {
    sys.write(fd, bytes);
  } catch (error) {
    throw explainSysError(`cannot keep a layer in ${path}`, error);
  }
}
