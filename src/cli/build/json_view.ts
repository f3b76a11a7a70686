/** A build as lines of JSON, one an event. */
import type { BuildEvent } from "../../engine/index.ts";
import type { BuildView } from "./types.ts";

export class JsonView implements BuildView {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  take(event: BuildEvent): void {
    this.#write(`${JSON.stringify(plain(event))}\n`);
  }

  finish(): void {}
}

/** What JSON cannot say is said in text. */
function plain(event: BuildEvent): object {
  switch (event.kind) {
    case "output":
      return { ...event, chunk: Buffer.from(event.chunk).toString("utf8") };
    case "step-failed":
      return { ...event, error: event.error instanceof Error ? event.error.message : String(event.error) };
    default:
      return event;
  }
}
