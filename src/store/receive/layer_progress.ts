/** Docker's progress lines of one layer (behaviours B122). */
import type { Report } from "../../bytes/index.ts";
import { shortId } from "../../oci/index.ts";
import type { StackLayer } from "./types.ts";

/** Bytes between two lines: 1 MiB is finer than any terminal shows. */
const interval = 1 << 20;

/** What a layer's lines are headed with: 12 digits of its blob, or of its diff ID where there is no blob. */
export function lineId(layer: StackLayer): string {
  return shortId(layer.view.blob?.digest ?? layer.diffId);
}

/** Counts a layer's bytes and says so, in the words for a download or for an archive. */
export class LayerProgress {
  readonly #report: Report;
  readonly #layer: StackLayer;
  readonly #id: string;
  #arrived = 0;
  #unpacked = 0;
  /** The count of the last line. */
  #shown = -interval;
  #complete = false;

  constructor(report: Report, layer: StackLayer) {
    this.#report = report;
    this.#layer = layer;
    this.#id = lineId(layer);
  }

  /** `offset` bytes were here already. */
  begin(offset: number): void {
    this.#arrived = offset;
    this.#show(offset);
  }

  /** So many more bytes have come. */
  arrived(bytes: number): void {
    this.#arrived += bytes;
    if (this.#arrived - this.#shown >= interval) this.#show(this.#arrived);
  }

  /** All bytes have come; said once. */
  complete(): void {
    if (this.#complete) return;
    if (this.#arrived > this.#shown) this.#show(this.#arrived);
    this.#complete = true;
    if (this.#layer.view.blob === undefined) return;
    this.#report({ id: this.#id, status: "Verifying Checksum" });
    this.#report({ id: this.#id, status: "Download complete" });
    this.#show(this.#unpacked);
  }

  /** So many more bytes went to the unpacker. Told of when the download is over. */
  unpacked(bytes: number): void {
    this.#unpacked += bytes;
    if (!this.#complete) return;
    if (this.#unpacked - this.#shown >= interval || this.#unpacked === this.#layer.view.blob?.size) {
      this.#show(this.#unpacked);
    }
  }

  #show(current: number): void {
    const { blob } = this.#layer.view;
    this.#shown = current;
    if (blob === undefined) this.#report({ id: this.#id, status: "Loading layer", current });
    else {
      const status = this.#complete ? "Extracting" : "Downloading";
      this.#report({ id: this.#id, status, current, total: blob.size });
    }
  }
}
