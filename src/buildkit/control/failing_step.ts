import type { BuildEvent, BuildRequest, StepId } from "../../engine/index.ts";
import { LocatedComplaint } from "../../dockerfile/index.ts";
import { isFailure } from "../../errors.ts";
import type { FailedAt } from "./error_details.ts";

type Dockerfile = Pick<FailedAt, "filename" | "dockerfile">;
type Lines = Pick<FailedAt, "firstLine" | "lastLine">;

/** Finds out where in the Dockerfile a build has failed: known if the Dockerfile is the client's. */
export class FailingStep {
  /** The context, looked at when it is opened. */
  readonly context: Pick<BuildRequest, "context">;
  readonly #tell: ((at: FailedAt) => void) | undefined;
  readonly #lines = new Map<string, Lines>();
  #dockerfile: Dockerfile | undefined;
  #isTold = false;

  constructor({ context }: Pick<BuildRequest, "context">, tell: ((at: FailedAt) => void) | undefined) {
    this.#tell = tell;
    this.context = { context: typeof context === "string" ? context : this.#watched(context) };
  }

  take(event: BuildEvent): void {
    if (event.kind === "step-started") {
      const { start, end } = event.span;
      this.#lines.set(keyOf(event.id), { firstLine: start.line, lastLine: end.line });
    }
    if (event.kind !== "step-failed" || isFailure(event.error, "cancelled")) return;
    this.#at(this.#lines.get(keyOf(event.id)));
  }

  /** @param error of the whole build: a Dockerfile that is wrong has no steps */
  fail(error: unknown): void {
    if (!isFailure(error) || !(error.cause instanceof LocatedComplaint)) return;
    const { startLine, endLine } = error.cause.place;
    this.#at({ firstLine: startLine + 1, lastLine: endLine + 1 });
  }

  #at(lines: Lines | undefined): void {
    if (lines === undefined || this.#dockerfile === undefined || this.#isTold) return;
    this.#isTold = true;
    this.#tell?.({ ...this.#dockerfile, ...lines });
  }

  #watched(context: Exclude<BuildRequest["context"], string>): typeof context {
    return {
      ...context,
      open: async (place) => {
        const opened = await context.open(place);
        const { name, bytes } = opened.dockerfile;
        this.#dockerfile = { filename: name, dockerfile: bytes };
        return opened;
      },
    };
  }
}

function keyOf({ stage, step, trigger }: StepId): string {
  return `${stage} ${step} ${trigger?.index ?? ""}`;
}
