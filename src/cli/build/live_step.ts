/** A step that runs, as it stands on a terminal. */
import type { BuildEvent, StepId } from "../../engine/index.ts";
import { isFinal, progressBar, type PaintLine } from "../kit/index.ts";
import { displayWidth, ellipsis } from "../kit/index.ts";
import { cleanLine, OutputLines } from "./output_lines.ts";
import { seconds } from "./step_end.ts";
import { stepName, stepText } from "./step_name.ts";

/** Lines that are shown when the step fails. */
const keptLines = 1000;

type Output = Extract<BuildEvent, { kind: "output" }>;
type Transfer = Extract<BuildEvent, { kind: "progress" }>;

export class LiveStep {
  readonly title: string;
  readonly #started: number;
  readonly #streams = { stdout: new OutputLines(), stderr: new OutputLines() };
  readonly #lines: string[] = [];
  readonly #transfers = new Map<string, Transfer>();

  /** @param started milliseconds, monotonic */
  constructor(id: StepId, text: string, started: number) {
    this.title = `${stepName(id)} ${cleanLine(stepText(text))}`;
    this.#started = started;
  }

  output({ stream, chunk }: Output): void {
    this.#lines.push(...this.#streams[stream].add(chunk));
    // Not with each line: that would move all the others each time.
    if (this.#lines.length > 2 * keptLines) this.#lines.splice(0, this.#lines.length - keptLines);
  }

  transfer(event: Transfer): void {
    const [key, status] = splitStatus(event.status);
    if (isFinal({ status })) this.#transfers.delete(key);
    else this.#transfers.set(key, event);
  }

  get hasDetails(): boolean {
    return this.#lines.length + this.#transfers.size > 0 || this.#open.length > 0;
  }

  line(now: number, columns: number): PaintLine {
    return stepLine(this.title, seconds(now - this.#started), columns);
  }

  /** At most so many lines below that of the step: the last of its output, what it waits for. */
  details(columns: number, most: number): PaintLine[] {
    if (most <= 0) return [];
    const transfers = [...this.#transfers.values()].map(
      (each) => ` => => ${transferText(each, columns - 7)}`,
    );
    const lines = [...this.#lines.slice(-most), ...this.#open].map((line) => ` => => # ${line}`);
    return [...transfers, ...lines].slice(-most).map((text) => ({ text, style: "dim" as const }));
  }

  /** All that is kept of its output. */
  get tail(): readonly string[] {
    return [...this.#lines.slice(-keptLines), ...this.#open];
  }

  get #open(): string[] {
    return [this.#streams.stdout.open, this.#streams.stderr.open].filter((line) => line !== "");
  }
}

/** ` => [build 2/5] RUN make     1.2s`: cut to the width, the end at the right. */
export function stepLine(title: string, end: string, columns: number): string {
  const room = columns - 1 - " => ".length - " ".length - displayWidth(end);
  const cut = ellipsis(title, room);
  return ` => ${cut}${" ".repeat(Math.max(0, room - displayWidth(cut)))} ${end}`;
}

function transferText({ status, current, total }: Transfer, columns: number): string {
  const bar = current === undefined ? "" : progressBar(current, total ?? 0, columns);
  return cleanLine(`${status} ${bar}`.trimEnd());
}

/** `ID: STATUS`; without an id the step has one line for them all. */
function splitStatus(text: string): [key: string, status: string] {
  const [, key = "", status = text] = /^([^ :]+): (.*)$/s.exec(text) ?? [];
  return [key, status];
}
