/** One thing that a build does, as BuildKit's clients show it: a line that begins and ends, with bars and output below. */
import type { Digest } from "../../oci/index.ts";
import { errorWords } from "./error_words.ts";
import { timestamp, type StatusUpdate } from "./status_messages.ts";

export interface VertexParts {
  readonly digest: Digest;
  readonly name: string;
  readonly inputs: readonly Digest[];
  readonly send: (update: StatusUpdate) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

type Counted = Pick<StatusOfVertex, "current" | "total">;

/** How far something is that takes its time. */
export interface StatusOfVertex {
  /** What is shown of it, and tells it from the others of its vertex. */
  readonly id: string;
  /** Both in bytes, or in whatever it is that is counted. */
  readonly current?: number;
  readonly total?: number;
  readonly isDone?: boolean;
}

/** It has begun when it is made. */
export class ProgressVertex {
  readonly digest: Digest;
  readonly #parts: VertexParts;
  readonly #started: number;
  /** What was told last of each status, and when it began. */
  readonly #running = new Map<string, Counted & { readonly started: number }>();
  #hasEnded = false;

  constructor(parts: VertexParts) {
    this.digest = parts.digest;
    this.#parts = parts;
    this.#started = parts.now();
    this.#tell({});
  }

  /** What is done has come as far as was told last, if nothing else is said. */
  status({ id, isDone = false, ...counted }: StatusOfVertex): void {
    const now = this.#parts.now();
    const { started = now, ...last } = this.#running.get(id) ?? {};
    const { current = 0, total = 0 } = { ...last, ...counted };
    if (isDone) this.#running.delete(id);
    else this.#running.set(id, { started, current, total });
    const times = {
      timestamp: timestamp(now),
      started: timestamp(started),
      ...(isDone && { completed: timestamp(now) }),
    };
    this.#parts.send({ statuses: [{ id, vertex: this.digest, current, total, ...times }] });
  }

  /** @param message bytes as the command has printed them */
  log(stream: "stdout" | "stderr", message: Uint8Array): void {
    const kind = stream === "stdout" ? 1 : 2;
    const time = timestamp(this.#parts.now());
    this.#parts.send({ logs: [{ vertex: this.digest, timestamp: time, stream: kind, message }] });
  }

  warn(warning: { readonly short: string; readonly detail?: string }): void {
    const { short, detail } = warning;
    const known = { vertex: this.digest, level: 1, short, ...(detail !== undefined && { detail: [detail] }) };
    this.#parts.send({ warnings: [known] });
  }

  /** Only the first end counts. */
  end({ cached = false }: { readonly cached?: boolean } = {}): void {
    this.#end({ cached });
  }

  /** @param error what has failed, or that it was cancelled */
  fail(error: unknown): void {
    this.#end({ error: errorWords(error) });
  }

  #end(how: { readonly cached?: boolean; readonly error?: string }): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const id of this.#running.keys()) this.status({ id, isDone: true });
    this.#tell({ completed: timestamp(this.#parts.now()), ...how });
  }

  #tell(more: NonNullable<StatusUpdate["vertexes"]>[number]): void {
    const { digest, name, inputs } = this.#parts;
    this.#parts.send({ vertexes: [{ digest, name, inputs, started: timestamp(this.#started), ...more }] });
  }
}
