/** Sum and speed of all transfers of an operation, for the last line on a terminal. */
import type { Progress } from "../../bytes/index.ts";
import { humanSize } from "../../wire/index.ts";

/** Only bytes on the wire or from an archive count; unpacking would count them twice. */
const transfer = /^(Downloading|Pushing|Loading|Migrating)/;
/** The speed is that of the last seconds, in milliseconds. */
const window = 3000;

interface Count {
  current: number;
  total: number;
  running: boolean;
}

export class TransferTotal {
  readonly #now: () => number;
  readonly #counts = new Map<string, Count>();
  #samples: { readonly time: number; readonly bytes: number }[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  note({ id = "", status, current = 0, total = 0 }: Progress): void {
    const known = this.#counts.get(id);
    if (transfer.test(status)) {
      this.#counts.set(id, { current, total: Math.max(total, current), running: true });
    } else if (known?.running === true) {
      // The last report of a transfer may have come before its last byte.
      this.#counts.set(id, { current: known.total, total: known.total, running: false });
    }
  }

  /** `Total: 34.1MB/120MB  12.3MB/s`, or "" unless at least two transfers are known and one of them runs. */
  text(): string {
    const counts = [...this.#counts.values()];
    if (counts.length < 2 || !counts.some(({ running }) => running)) return "";
    const sum = (of: (count: Count) => number): number => counts.reduce((all, count) => all + of(count), 0);
    const bytes = sum(({ current }) => current);
    const speed = this.#speed(bytes);
    const shownSpeed = speed === undefined ? "" : `  ${humanSize(speed)}/s`;
    return `Total: ${humanSize(bytes, 4)}/${humanSize(
      sum(({ total }) => total),
      4,
    )}${shownSpeed}`;
  }

  reset(): void {
    this.#counts.clear();
    this.#samples = [];
  }

  /** Bytes a second over the window; undefined within the first half second, when it would only jump. */
  #speed(bytes: number): number | undefined {
    const time = this.#now();
    this.#samples.push({ time, bytes });
    while ((this.#samples[0] as { time: number }).time < time - window) this.#samples.shift();
    const first = this.#samples[0] as { time: number; bytes: number };
    return time - first.time < 500
      ? undefined
      : Math.max(0, ((bytes - first.bytes) / (time - first.time)) * 1000);
  }
}
