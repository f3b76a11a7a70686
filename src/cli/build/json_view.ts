/**
 * A build as lines of JSON on standard error, one an event, which programs may rely on:
 *
 *     {"kind":"plan","stages":[{"name","steps","needed"}],"globalArgs":[…]}
 *     {"kind":"step-started","step":STEP,"text":"RUN make","line":3}
 *     {"kind":"output","step":STEP,"stream":"stdout","text":"…"}
 *     {"kind":"progress","step":STEP,"status":"…","current":1,"total":2}
 *     {"kind":"container","step":STEP,"container":"…","what":"running"}
 *     {"kind":"step-done","step":STEP,"milliseconds":1.5,"cache":{"hit":true,"from":"local"},"layer":{…},"image":"…"}
 *     {"kind":"step-failed","step":STEP,"message":"…","cancelled":false,"exitCode":1}
 *     {"kind":"warning","rule":"…","message":"…","line":3}, without rule and line if it is not of the Dockerfile
 *     {"kind":"transfer","id":"…","status":"Pushing","current":1,"total":2}
 *     {"kind":"done","image":"sha256:…","names":["app:1"]}
 *     {"kind":"failed","message":"…","hint":"…","exitCode":1}
 *
 * STEP is {"stage":0,"stageName":"0","step":2,"steps":5,"trigger":{"index":1,"count":2}}. A build ends with `done` or
 * `failed`; the result, with costs and findings, is one line on standard output.
 */
import type { BuildEvent } from "../../engine/index.ts";
import type { ProgressView } from "../kit/index.ts";
import { OutputText } from "./output_text.ts";
import { commandExit, isCancelled } from "./step_end.ts";
import { stepKey } from "./step_name.ts";
import type { BuildView } from "./types.ts";

export class JsonView implements BuildView {
  readonly #write: (text: string) => void;
  readonly #texts = new OutputText();

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  take(event: BuildEvent): void {
    const told = this.#told(event);
    if (told !== undefined) this.#write(`${JSON.stringify({ kind: event.kind, ...told })}\n`);
  }

  warn(message: string): void {
    this.#write(`${JSON.stringify({ kind: "warning", message })}\n`);
  }

  finish(): void {}

  #told(event: BuildEvent): object | undefined {
    switch (event.kind) {
      case "plan":
        return {
          stages: event.stages.map(({ name, steps, needed }) => ({ name, steps, needed })),
          globalArgs: event.globalArgs,
        };
      case "step-started":
        return { step: event.id, text: event.text, line: event.span.start.line };
      case "output": {
        const { id, stream, chunk } = event;
        const text = this.#texts.add(`${stepKey(id)} ${stream}`, chunk);
        return text === "" ? undefined : { step: id, stream, text };
      }
      case "progress": {
        const { id: step, status, current, total } = event;
        return { step, status, current, total };
      }
      case "container":
        return { step: event.id, container: event.container, what: event.what };
      case "step-done": {
        const { milliseconds, cache, layer, image } = event.record;
        return { step: event.id, milliseconds, cache, layer, image };
      }
      case "step-failed":
        return { step: event.id, ...failure(event.error) };
      case "warning": {
        const { rule, message, span } = event.warning;
        return { rule, message, line: span.start.line };
      }
      case "done":
        return { image: event.image, names: event.names };
    }
  }
}

/** Pushes and caches as events. */
export function jsonTransfers(write: (text: string) => void): ProgressView {
  const tell = (told: object): void => write(`${JSON.stringify({ kind: "transfer", ...told })}\n`);
  return {
    report: tell,
    line: (status) => tell({ status }),
    finish: () => undefined,
    [Symbol.dispose]: () => undefined,
  };
}

function failure(error: unknown): object {
  const message = error instanceof Error ? error.message : String(error);
  return { message, cancelled: isCancelled(error), exitCode: commandExit(error)?.code };
}
