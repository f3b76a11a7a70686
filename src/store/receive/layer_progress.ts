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
  #current = 0;
  #shown = -interval;
  #ended = false;

  constructor(report: Report, layer: StackLayer) {
    this.#report = report;
    this.#layer = layer;
    this.#id = lineId(layer);
  }

  status(status: string): void {
    this.#report({ id: this.#id, status });
  }

  /** `offset` bytes were here already. */
  begin(offset: number): void {
    this.#current = offset;
    this.#shown = -interval;
    this.#show();
  }

  advance(bytes: number): void {
    this.#current += bytes;
    if (this.#current - this.#shown >= interval) this.#show();
  }

  /** All bytes have come; said once. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#current !== this.#shown) this.#show();
    if (this.#layer.view.blob === undefined) return;
    this.status("Verifying Checksum");
    this.status("Download complete");
    const total = this.#layer.view.blob.size;
    this.#report({ id: this.#id, status: "Extracting", current: total, total });
  }

  #show(): void {
    const { blob } = this.#layer.view;
    this.#shown = this.#current;
    if (blob === undefined) this.#report({ id: this.#id, status: "Loading layer", current: this.#current });
    else this.#report({ id: this.#id, status: "Downloading", current: this.#current, total: blob.size });
  }
}
