/** A build on a terminal: what is done scrolls up, below it the steps that run, with the end of their output. */
import type { BuildEvent, StepId } from "../../engine/index.ts";
import {
  FramePainter,
  humanSize,
  type PaintLine,
  type PaintOptions,
  type PaintStream,
} from "../kit/index.ts";
import { LiveStep, stepLine } from "./live_step.ts";
import { cleanLine } from "./output_lines.ts";
import { failedText, isCancelled, seconds } from "./step_end.ts";
import { stepKey } from "./step_name.ts";
import type { BuildView } from "./types.ts";

/** Times count up in tenths of seconds. */
const tick = 100;
/** Lines of output below a step. */
const shownOutput = 6;

type Done = Extract<BuildEvent, { kind: "step-done" }>;

export class LiveView implements BuildView {
  readonly #now: () => number;
  readonly #started: number;
  readonly #painter: FramePainter;
  readonly #running = new Map<string, LiveStep>();
  #done = 0;
  #begun = 0;
  #planned = 0;
  #isShown = false;
  #isBuilt = false;

  constructor(stream: PaintStream, options: PaintOptions = {}) {
    this.#now = options.now ?? (() => performance.now());
    this.#started = this.#now();
    this.#painter = new FramePainter(stream, () => this.#frame(), { ...options, tick });
  }

  take(event: BuildEvent): void {
    switch (event.kind) {
      case "plan":
        this.#planned += event.stages.reduce((all, { steps, needed }) => all + (needed ? steps : 0), 0);
        break;
      case "step-started":
        this.#begun++;
        this.#running.set(stepKey(event.id), new LiveStep(event.id, event.text, this.#now()));
        break;
      case "output":
        this.#of(event.id).output(event);
        break;
      case "progress":
        this.#of(event.id).transfer(event);
        break;
      case "step-done":
        this.#finished(event);
        break;
      case "step-failed":
        this.#failed(event.id, event.error);
        break;
      case "warning":
        // What lint finds, too, is told at the end.
        if (event.warning.rule === "UnusedBuildArg") this.warn(event.warning.message);
        break;
      case "done":
        this.#isBuilt = true;
        break;
      case "container":
        return;
    }
    this.#isShown = true;
    this.#painter.change();
  }

  warn(message: string): void {
    this.#isShown = true;
    this.#painter.settle(`[Warning] ${cleanLine(message)}`);
  }

  finish(): void {
    if (this.#isShown) this.#painter.finish(this.#begun === 0 ? [] : this.#frame());
    this.#isShown = false;
  }

  #finished({ id, record: { cache, layer, milliseconds } }: Done): void {
    const { title } = this.#end(id);
    const { columns } = this.#painter;
    this.#done++;
    if (cache?.hit === true) {
      const end = cache.from === "local" ? "CACHED" : "CACHED (imported)";
      return this.#painter.settle({ text: stepLine(title, end, columns), style: "cyan" });
    }
    const size = layer === undefined ? "" : `${humanSize(layer.size)}  `;
    this.#painter.settle({
      text: stepLine(title, `${size}${seconds(milliseconds)}`, columns),
      style: "cyan",
    });
  }

  #failed(id: StepId, error: unknown): void {
    const { title, tail } = this.#end(id);
    const { columns } = this.#painter;
    if (isCancelled(error)) return this.#painter.settle(stepLine(title, "CANCELED", columns));
    this.#painter.settle({ text: stepLine(title, failedText(error).slice(0, 24), columns), style: "red" });
    if (tail.length > 0) this.#painter.settle("------", ` > ${title}:`, ...tail, "------");
  }

  #end(id: StepId): LiveStep {
    const step = this.#of(id);
    this.#running.delete(stepKey(id));
    return step;
  }

  #of(id: StepId): LiveStep {
    return this.#running.get(stepKey(id)) as LiveStep;
  }

  /** Steps with something to tell come first where there are more than lines. */
  #frame(): PaintLine[] {
    const { columns, room } = this.#painter;
    const now = this.#now();
    const steps = [...this.#running.values()];
    const count = `${this.#done}/${Math.max(this.#planned, this.#begun)}`;
    const end = this.#isBuilt ? " FINISHED" : "";
    const head = `[+] Building ${seconds(now - this.#started)} (${count})${end}`;
    const told = steps.filter(({ hasDetails }) => hasDetails);
    const others = steps.filter(({ hasDetails }) => !hasDetails);
    const shown = new Set([...told, ...others].slice(0, Math.max(0, room - 1)));
    const left = room - 1 - shown.size;
    const each = Math.min(shownOutput, Math.floor(left / Math.max(1, told.length)));
    const lines = steps
      .filter((step) => shown.has(step))
      .flatMap((step) => [step.line(now, columns), ...step.details(columns, each)]);
    const rest = steps.length - shown.size;
    return [rest > 0 ? `${head}, ${rest} more` : head, ...lines];
  }
}
