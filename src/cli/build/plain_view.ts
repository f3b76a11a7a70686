/** A build as plain lines, one after the other: for logs, and wherever there is no terminal. */
import type { BuildEvent, StepId } from "../../engine/index.ts";
import { cleanLine, OutputLines } from "./output_lines.ts";
import { doneText, failedText } from "./step_end.ts";
import { stepKey, stepName, stepText } from "./step_name.ts";
import type { BuildView } from "./types.ts";

/**
 * Steps are numbered as they start, as BuildKit does: `#3 [build 2/5] RUN make`. Each line begins with its step's
 * number: those of steps side by side stand among each other.
 */
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
        return this.#end(this.#of(event.id), doneText(event));
      case "step-failed":
        return this.#end(this.#of(event.id), failedText(event.error));
      case "warning":
        // What lint finds, too, is told at the end.
        if (event.warning.rule === "UnusedBuildArg") this.warn(event.warning.message);
        return;
      case "plan":
      case "container":
      case "done":
        return;
    }
  }

  warn(message: string): void {
    this.#write(`[Warning] ${cleanLine(message)}\n`);
  }

  finish(): void {}

  #start(id: StepId, text: string): void {
    const number = ++this.#count;
    this.#steps.set(stepKey(id), {
      number,
      started: this.#now(),
      stdout: new OutputLines(),
      stderr: new OutputLines(),
      told: "",
    });
    this.#write(`#${number} ${stepName(id)} ${cleanLine(stepText(text))}\n`);
  }

  #output(step: Running, stream: "stdout" | "stderr", chunk: Uint8Array): void {
    this.#lines(step, step[stream].add(chunk));
  }

  #lines({ number, started }: Running, lines: readonly string[]): void {
    const time = ((this.#now() - started) / 1000).toFixed(2);
    for (const line of lines) this.#write(`#${number} ${time} ${line}\n`);
  }

  /** Each status once: counts are for terminals. */
  #progress(step: Running, status: string, current = 0): void {
    if (current > 0 || step.told === status) return;
    step.told = status;
    this.#write(`#${step.number} ${cleanLine(status)}\n`);
  }

  #end(step: Running, text: string): void {
    this.#lines(step, [...step.stdout.end(), ...step.stderr.end()]);
    this.#write(`#${step.number} ${cleanLine(text)}\n\n`);
  }

  #of(id: StepId): Running {
    return this.#steps.get(stepKey(id)) as Running;
  }
}

interface Running {
  readonly number: number;
  readonly started: number;
  readonly stdout: OutputLines;
  readonly stderr: OutputLines;
  told: string;
}
