/** Shows {@link Progress} to people and programs: repainted lines, plain lines, JSON messages, or nothing. */
import type { Progress, Report } from "../../bytes/index.ts";
import { goJson } from "../../oci/index.ts";
import { jsonMessage } from "../../wire/index.ts";
import type { PaintOptions, PaintStream } from "./frame_painter.ts";
import { TerminalPainter } from "./terminal_painter.ts";

export interface ProgressView extends Disposable {
  /** To be handed to the work as its `report`. */
  readonly report: Report;
  /** A line for good, such as `Digest: sha256:...`, below what is painted so far. */
  line(text: string): void;
  /** Paints the last state and leaves the cursor below it; idempotent. Nothing is repainted afterwards. */
  finish(): void;
}

export interface ProgressOptions extends PaintOptions {
  /** `auto`: a terminal is painted on, everything else gets plain lines. */
  readonly mode?: "auto" | "terminal" | "plain" | "json" | "quiet";
}

/** The view on a stream. To be disposed, also after a failure, so that no half-painted line stays. */
export function progressView(stream: PaintStream, options: ProgressOptions = {}): ProgressView {
  const { mode = "auto" } = options;
  switch (mode) {
    case "auto":
      return progressView(stream, { ...options, mode: stream.isTTY === true ? "terminal" : "plain" });
    case "terminal":
      return view(new TerminalPainter(stream, options));
    case "plain":
      return view(new PlainLines(stream));
    case "json":
      return view(new JsonMessages(stream));
    case "quiet":
      return view({ report: () => {}, line: () => {}, finish: () => {} });
  }
}

interface Painter {
  report(progress: Progress): void;
  line(text: string): void;
  finish(): void;
}

function view(painter: Painter): ProgressView {
  return {
    report: (progress) => painter.report(progress),
    line: (text) => painter.line(text),
    finish: () => painter.finish(),
    [Symbol.dispose]: () => painter.finish(),
  };
}

/** Each change of status once. Events with byte counts are left out, as Docker does where there is no terminal. */
class PlainLines implements Painter {
  readonly #stream: PaintStream;
  readonly #last = new Map<string, string>();

  constructor(stream: PaintStream) {
    this.#stream = stream;
  }

  report(progress: Progress): void {
    const { id, status, current = 0, total = 0 } = progress;
    if (current > 0 || total > 0) return;
    if (id === undefined) return this.line(status);
    if (this.#last.get(id) === status) return;
    this.#last.set(id, status);
    this.line(`${id}: ${status}`);
  }

  line(text: string): void {
    this.#stream.write(`${text}\n`);
  }

  finish(): void {}
}

/** Docker's stream of JSON messages (moby, jsonmessage.JSONMessage), one a line. */
class JsonMessages implements Painter {
  readonly #stream: PaintStream;

  constructor(stream: PaintStream) {
    this.#stream = stream;
  }

  report(progress: Progress): void {
    this.#stream.write(`${goJson(jsonMessage(progress))}\n`);
  }

  line(text: string): void {
    this.report({ status: text });
  }

  finish(): void {}
}
