/** The synchronous heart of an unpack: plain tar bytes become a change directory and a tar-split record. */
import { createHash, type Hash } from "node:crypto";
import type { Compression } from "../bytes/index.ts";
import { Failure } from "../errors.ts";
import type { DiffId } from "../oci/index.ts";
import { TarParser } from "../tar/index.ts";
import type { PlainConsumer } from "./decompress_into.ts";
import { type AppliedLayer, LayerApplier } from "./layer_applier.ts";
import { type Recorder, recordPlan } from "./recorder.ts";
import { TarSplitFile } from "./tar_split_file.ts";
import { TarKeeper } from "./catalog/tar_keeper.ts";
import { isTarTarget, type LayerTarget } from "./types.ts";

export interface UnpackLimits {
  /** Entries of one layer (default 5,000,000). */
  readonly entries?: number;
  /** Bytes of one uncompressed tar (default 1 TiB). */
  readonly tarBytes?: number;
}

export interface TarStageOptions {
  readonly target: LayerTarget;
  readonly diffId?: DiffId;
  readonly tarSplit?: string;
  readonly limits?: UnpackLimits;
  readonly onFound: (compression: Compression) => void;
  /** Does what is neither parsing nor writing; default: all is done here. */
  readonly recorder?: Recorder;
}

const defaultTarBytes = 2 ** 40;

export class TarStage implements PlainConsumer, Disposable {
  readonly #options: TarStageOptions;
  readonly #limit: number;
  readonly #applier: LayerApplier | TarKeeper;
  readonly #keeper: TarKeeper | undefined;
  readonly #recorder: Recorder | undefined;
  readonly #split: TarSplitFile | undefined;
  readonly #parser: TarParser;
  readonly #hash: Hash | undefined;
  #size = 0;
  #digest: DiffId | undefined;

  constructor(options: TarStageOptions) {
    const { target, diffId, limits = {}, recorder } = options;
    const { algorithm, tarSplit } = recordPlan(diffId, options.tarSplit);
    this.#options = options;
    this.#limit = limits.tarBytes ?? defaultTarBytes;
    this.#recorder = recorder;
    if (recorder === undefined) this.#hash = createHash(algorithm);
    if (isTarTarget(target)) {
      const keeper = (this.#applier = this.#keeper = new TarKeeper(target, limits));
      this.#parser = new TarParser(keeper, { raw: keeper.raw });
      return;
    }
    const applier = (this.#applier = new LayerApplier(target, limits));
    if (recorder === undefined && tarSplit !== undefined)
      this.#split = new TarSplitFile(tarSplit, () => applier.keepsContent);
    this.#parser = new TarParser(applier, this.#split === undefined ? {} : { raw: this.#split });
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
    this.#keeper?.write(plain);
    this.#hash?.update(plain);
    this.#recorder?.write(plain);
    this.#parser.write(plain);
  }

  drain(): Promise<void> | undefined {
    return this.#recorder === undefined ? this.#split?.drain() : this.#recorder.drain();
  }

  /** The digest of all bytes; call when they are complete. Where there is a recorder, after {@link finish}. */
  diffId(): DiffId {
    if (this.#digest !== undefined) return this.#digest;
    if (this.#hash === undefined) throw new Failure("internal", "the layer's digest is not known yet");
    const { algorithm } = recordPlan(this.#options.diffId, undefined);
    return (this.#digest = `${algorithm}:${this.#hash.digest("hex")}` as DiffId);
  }

  /** @throws Failure("corrupt") if the bytes are not the layer that was expected, or end too early */
  async finish(): Promise<AppliedLayer> {
    this.#parser.end();
    if (this.#recorder !== undefined) this.#digest = await this.#recorder.finish();
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
