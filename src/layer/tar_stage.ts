/** The synchronous heart of an unpack: plain tar bytes become a change directory and a tar-split record. */
import { createHash, type Hash } from "node:crypto";
import type { Compression } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import { algorithmOf, type DiffId } from "../oci/index.ts";
import { TarParser } from "../tar/index.ts";
import type { PlainConsumer } from "./decompress_into.ts";
import { type AppliedLayer, LayerApplier } from "./layer_applier.ts";
import { TarSplitFile } from "./tar_split_file.ts";
import type { ApplyTarget } from "./types.ts";

export interface UnpackLimits {
  /** Entries of one layer (default 5,000,000). */
  readonly entries?: number;
  /** Bytes of one uncompressed tar (default 1 TiB). */
  readonly tarBytes?: number;
}

export interface TarStageOptions {
  readonly target: ApplyTarget;
  readonly diffId?: DiffId;
  readonly tarSplit?: string;
  readonly limits?: UnpackLimits;
  readonly onFound: (compression: Compression) => void;
}

const defaultTarBytes = 2 ** 40;

export class TarStage implements PlainConsumer, Disposable {
  readonly #options: TarStageOptions;
  readonly #limit: number;
  readonly #applier: LayerApplier;
  readonly #split: TarSplitFile | undefined;
  readonly #parser: TarParser;
  readonly #hash: Hash;
  #size = 0;
  #digest: DiffId | undefined;

  constructor(options: TarStageOptions) {
    const { target, tarSplit, limits = {} } = options;
    this.#options = options;
    this.#limit = limits.tarBytes ?? defaultTarBytes;
    this.#applier = new LayerApplier(target, limits);
    this.#split =
      tarSplit === undefined ? undefined : new TarSplitFile(tarSplit, () => this.#applier.keepsContent);
    this.#parser = new TarParser(this.#applier, this.#split === undefined ? {} : { raw: this.#split });
    this.#hash = createHash(options.diffId === undefined ? "sha256" : algorithmOf(options.diffId));
  }

  get size(): number {
    return this.#size;
  }

  found(compression: Compression): void {
    this.#options.onFound(compression);
  }

  write(plain: Uint8Array): void {
    this.#size += plain.length;
    if (this.#size > this.#limit) {
      throw new Failure("limit", `layer unpacks to more than ${this.#limit} bytes`);
    }
    this.#hash.update(plain);
    this.#parser.write(plain);
  }

  drain(): Promise<void> | undefined {
    return this.#split?.drain();
  }

  /** The digest of all bytes; call when they are complete. */
  diffId(): DiffId {
    const { diffId } = this.#options;
    const algorithm = diffId === undefined ? "sha256" : algorithmOf(diffId);
    this.#digest ??= `${algorithm}:${this.#hash.digest("hex")}` as DiffId;
    return this.#digest;
  }

  /** @throws Failure("corrupt") if the bytes are not the layer that was expected, or end too early */
  async finish(): Promise<AppliedLayer> {
    this.#parser.end();
    const { diffId: expected } = this.#options;
    const actual = this.diffId();
    if (expected !== undefined && expected !== actual) {
      throw new Failure(
        "corrupt",
        `layer's content has the diff ID ${actual}, not ${expected} as the image says`,
      );
    }
    const applied = this.#applier.finish();
    await this.#split?.finish();
    return applied;
  }

  [Symbol.dispose](): void {
    this.#split?.close();
    this.#applier.close();
  }
}
