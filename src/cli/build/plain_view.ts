/** A build as plain lines, one after the other: for logs, and wherever there is no terminal. */
import { StringDecoder } from "node:string_decoder";
import type { BuildEvent, StepId } from "../../engine/index.ts";
import { humanSize } from "../kit/index.ts";
import { stepName } from "./step_name.ts";
import type { BuildView } from "./types.ts";

/** Steps are numbered as they start, as BuildKit does: `#3 [build 2/5] RUN make`. */
export class PlainView implements BuildView {
  readonly #write: (text: string) => void;
  readonly #now: () => number;
  readonly #steps = new Map<string, Running>();
  #count = 0;

  /** @param now milliseconds, monotonic */
  constructor(write: (text: string) => void, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#now = now;
  }

  take(event: BuildEvent): void {
    switch (event.kind) {
      case "step-started":
        return this.#start(event.id, event.text);
      case "output":
        return this.#output(this.#of(event.id), event.stream, event.chunk);
      case "progress":
        return this.#progress(this.#of(event.id), event.status, event.current);
      case "step-done":
        return this.#done(event);
      case "step-failed":
        return this.#end(this.#of(event.id), "ERROR");
      case "warning":
        return this.#write(`[Warning] ${event.warning.message}\n`);
      case "plan":
      case "container":
      case "done":
        return;
    }
  }

  finish(): void {}

  #start(id: StepId, text: string): void {
    const number = ++this.#count;
    this.#steps.set(keyOf(id), {
      number,
      started: this.#now(),
      rest: "",
      decoder: new StringDecoder("utf8"),
      told: "",
    });
    this.#write(`#${number} ${stepName(id)} ${text.split("\n", 1)[0] ?? ""}\n`);
  }

  #output(step: Running, _stream: string, chunk: Uint8Array): void {
    const lines = (step.rest + step.decoder.write(Buffer.from(chunk))).split("\n");
    step.rest = lines.pop() ?? "";
    const time = ((this.#now() - step.started) / 1000).toFixed(2);
    for (const line of lines) this.#write(`#${step.number} ${time} ${line}\n`);
  }

  /** Each status once: counts are for terminals. */
  #progress(step: Running, status: string, current = 0): void {
    if (current > 0 || step.told === status) return;
    step.told = status;
    this.#write(`#${step.number} ${status}\n`);
  }

  #done({ id, record: { cache, layer, milliseconds } }: Extract<BuildEvent, { kind: "step-done" }>): void {
    const step = this.#of(id);
    if (cache?.hit === true) return this.#end(step, cache.from === "local" ? "CACHED" : "CACHED (imported)");
    const size = layer === undefined ? "" : `, ${humanSize(layer.size)}`;
    this.#end(step, `DONE ${(milliseconds / 1000).toFixed(1)}s${size}`);
  }

  #end(step: Running, text: string): void {
    if (step.rest !== "") this.#write(`#${step.number} ${step.rest}\n`);
    this.#write(`#${step.number} ${text}\n\n`);
  }

  #of(id: StepId): Running {
    return this.#steps.get(keyOf(id)) as Running;
  }
}

interface Running {
  readonly number: number;
  readonly started: number;
  readonly decoder: StringDecoder;
  /** Output after the last line feed. */
  rest: string;
  told: string;
}

function keyOf({ stage, step, trigger }: StepId): string {
  return `${stage} ${step} ${trigger?.index ?? ""}`;
}
