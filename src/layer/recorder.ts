/** The half of an unpack that touches no layer: digest of the plain bytes and record of the tar. */
import { createHash, type Hash } from "node:crypto";
import { algorithmOf, type Algorithm, type DiffId } from "../oci/index.ts";
import { type TarEntry, TarParser } from "../tar/index.ts";
import { TarSplitFile } from "./tar_split_file.ts";
import { keepsOwnContent } from "./whiteout.ts";

/** Takes all plain bytes of a layer, in order. Closed in any case. */
export interface Recorder {
  /** The bytes are valid only during the call. */
  write(plain: Uint8Array): void;
  /** Something to wait for before more is written. Throws what went wrong. */
  drain(): Promise<void> | undefined;
  /** Completes the record. @throws what went wrong */
  finish(): Promise<DiffId>;
  close(): void;
}

export interface RecordPlan {
  readonly algorithm: Algorithm;
  /** Where the record is written, if anywhere. */
  readonly tarSplit?: string;
}

/** What has to be recorded for a layer of which `diffId` is expected. */
export function recordPlan(diffId: DiffId | undefined, tarSplit: string | undefined): RecordPlan {
  const algorithm = diffId === undefined ? "sha256" : algorithmOf(diffId);
  return tarSplit === undefined ? { algorithm } : { algorithm, tarSplit };
}

/** Records with a parser of its own: for a thread beside the one that unpacks. */
export class TarRecorder implements Recorder {
  readonly #algorithm: Algorithm;
  readonly #hash: Hash;
  readonly #split: TarSplitFile | undefined;
  readonly #parser: TarParser | undefined;
  #keepsContent = false;

  constructor({ algorithm, tarSplit }: RecordPlan) {
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
    if (tarSplit === undefined) return;
    this.#split = new TarSplitFile(tarSplit, () => this.#keepsContent);
    const sink = {
      entry: ({ path }: TarEntry) => {
        this.#keepsContent = keepsOwnContent(path);
      },
      data: () => undefined,
      endEntry: () => undefined,
    };
    this.#parser = new TarParser(sink, { raw: this.#split });
  }

  write(plain: Uint8Array): void {
    this.#hash.update(plain);
    this.#parser?.write(plain);
  }

  drain(): Promise<void> | undefined {
    return this.#split?.drain();
  }

  async finish(): Promise<DiffId> {
    this.#parser?.end();
    await this.#split?.finish();
    return `${this.#algorithm}:${this.#hash.digest("hex")}` as DiffId;
  }

  close(): void {
    this.#split?.close();
  }
}
