/** What Docker's old builder prints while it builds (moby 20.10, builder/dockerfile; behaviours B074). */
import { StringDecoder } from "node:string_decoder";
import { shortId, type ImageId } from "../../oci/index.ts";
import type { BuildEvent, StepId } from "../types.ts";

export interface ClassicStreamOptions {
  /** Texts of the `ARG`s before the first `FROM`, which count as steps. */
  readonly globalArgs: readonly string[];
}

/**
 * A listener for the events of one build. The order of the output is that of the events.
 * @param write gets pieces of text, lines with their line feeds
 */
export function classicStream(
  write: (text: string) => void,
  options: ClassicStreamOptions,
): (event: BuildEvent) => void {
  const stream = new ClassicStream(write, options);
  return (event) => stream.take(event);
}

/** In Docker's output the command's error stream is red, whether or not anybody sees it on a terminal. */
const red = (text: string): string => `\x1b[91m${text}\x1b[0m`;

type Plan = Extract<BuildEvent, { kind: "plan" }>;
type Done = Extract<BuildEvent, { kind: "step-done" }>;

class ClassicStream {
  readonly #write: (text: string) => void;
  readonly #globalArgs: readonly string[];
  /** Number of the step before the first of each stage. */
  #offsets: readonly number[] = [];
  #total = 0;
  /** The image of a `FROM`, told only when it is known that no trigger changes it. */
  #base: { readonly image: ImageId | undefined } | undefined;
  #decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
  #unusedArgs: string[] = [];

  constructor(write: (text: string) => void, { globalArgs }: ClassicStreamOptions) {
    this.#write = write;
    this.#globalArgs = globalArgs;
  }

  take(event: BuildEvent): void {
    switch (event.kind) {
      case "plan":
        return this.#plan(event);
      case "step-started":
        return this.#start(event.id, event.text);
      case "output":
        return this.#output(event.stream, event.chunk);
      case "container":
        return this.#container(event.what, event.container);
      case "step-done":
        return this.#done(event);
      case "warning":
        if (event.warning.rule === "UnusedBuildArg") this.#unusedArgs.push(event.warning.message);
        return;
      case "done":
        return this.#end(event.image, event.names);
      case "progress":
      case "step-failed":
        // The error itself is the caller's to show.
        return;
    }
  }

  #plan({ stages }: Plan): void {
    this.#total = this.#globalArgs.length;
    this.#offsets = stages.map(({ steps, needed }) => {
      const before = this.#total;
      if (needed) this.#total += steps;
      return before;
    });
    for (const [index, text] of this.#globalArgs.entries()) this.#step(index + 1, text);
  }

  #step(number: number, text: string): void {
    this.#write(`Step ${number}/${this.#total} : ${text}\n`);
  }

  #start({ stage, step, trigger }: StepId, text: string): void {
    this.#decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
    if (trigger === undefined) {
      this.#tellBase();
      return this.#step((this.#offsets[stage] ?? 0) + step, text);
    }
    this.#base = undefined;
    if (trigger.index > 1) return;
    this.#write(`# Executing ${trigger.count} build trigger${trigger.count > 1 ? "s" : ""}\n`);
  }

  #output(stream: "stdout" | "stderr", chunk: Uint8Array): void {
    const text = this.#decoders[stream].write(Buffer.from(chunk));
    if (text !== "") this.#write(stream === "stderr" ? red(text) : text);
  }

  #container(what: "running" | "removed", container: string): void {
    const id = container.slice(0, 12);
    this.#write(what === "running" ? ` ---> Running in ${id}\n` : `Removing intermediate container ${id}\n`);
  }

  #done({ id: { step, trigger }, record: { cache, image } }: Done): void {
    const isBase = step === 1 && trigger === undefined;
    if (cache?.hit === true && !isBase) this.#write(" ---> Using cache\n");
    if (isBase) this.#base = { image };
    else if (trigger === undefined || trigger.index === trigger.count) this.#arrow(image);
  }

  #tellBase(): void {
    if (this.#base !== undefined) this.#arrow(this.#base.image);
    this.#base = undefined;
  }

  /** Without an image there is nothing behind the arrow: `FROM scratch`. */
  #arrow(image: ImageId | undefined): void {
    this.#write(` ---> ${image === undefined ? "" : shortId(image)}\n`);
  }

  #end(image: ImageId, names: readonly string[]): void {
    this.#tellBase();
    for (const message of this.#unusedArgs) this.#write(`[Warning] ${message}\n`);
    this.#write(`Successfully built ${shortId(image)}\n`);
    for (const name of names) this.#write(`Successfully tagged ${name}\n`);
  }
}
