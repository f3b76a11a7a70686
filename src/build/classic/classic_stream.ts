/** What Docker's old builder prints while it builds (moby 20.10, builder/dockerfile; behaviours B074). */
import { StringDecoder } from "node:string_decoder";
import type { DockerfileWarning } from "../../dockerfile/index.ts";
import { shortId, type ImageId } from "../../oci/index.ts";
import type { BuildEvent, StepId } from "../types.ts";

/**
 * A listener for the events of one build. The order of the output is that of the events.
 * @param write gets pieces of text, lines with their line feeds
 */
export function classicStream(write: (text: string) => void): (event: BuildEvent) => void {
  const stream = new ClassicStream(write);
  return (event) => stream.take(event);
}

/** In Docker's output the command's error stream is red, whether or not anybody sees it on a terminal. */
const red = (text: string): string => `\x1b[91m${text}\x1b[0m`;

type Plan = Extract<BuildEvent, { kind: "plan" }>;
type Done = Extract<BuildEvent, { kind: "step-done" }>;

class ClassicStream {
  readonly #write: (text: string) => void;
  /** `ARG`s before the first `FROM` count as steps. They are told when it is known what the file is warned of. */
  #globalArgs: readonly string[] = [];
  /** Number of the step before the first of each stage. */
  #offsets: readonly number[] = [];
  #total = 0;
  /** The image of a `FROM`, told only when it is known that no trigger changes it. */
  #base: { readonly image: ImageId | undefined } | undefined;
  #decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
  #unusedArgs: string[] = [];
  #emptyLines: string[] = [];

  constructor(write: (text: string) => void) {
    this.#write = write;
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
        return this.#warn(event.warning);
      case "done":
        return this.#end(event.image, event.names);
      case "progress":
      case "step-failed":
        // The error itself is the caller's to show.
        return;
    }
  }

  #warn({ rule, message }: DockerfileWarning): void {
    if (rule === "UnusedBuildArg") this.#unusedArgs.push(message);
    if (rule === "NoEmptyContinuation") this.#emptyLines.push(message.replace(": ", ":\n    "));
  }

  #plan({ stages, globalArgs }: Plan): void {
    this.#globalArgs = globalArgs;
    this.#total = globalArgs.length;
    this.#offsets = stages.map(({ steps, needed }) => {
      const before = this.#total;
      if (needed) this.#total += steps;
      return before;
    });
  }

  /** moby 20.10, builder/dockerfile/parser, PrintWarnings. */
  #tellFile(): void {
    if (this.#emptyLines.length > 0) {
      const end = "Empty continuation lines will become errors in a future release.";
      const warnings = [...this.#emptyLines, end].map((line) => `[WARNING]: ${line}\n`);
      this.#write(red(warnings.join("")));
    }
    for (const [index, text] of this.#globalArgs.entries()) this.#step(index + 1, text);
    this.#emptyLines = [];
    this.#globalArgs = [];
  }

  #step(number: number, text: string): void {
    this.#write(`Step ${number}/${this.#total} : ${text}\n`);
  }

  #start({ stage, step, trigger }: StepId, text: string): void {
    this.#decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
    this.#tellFile();
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
