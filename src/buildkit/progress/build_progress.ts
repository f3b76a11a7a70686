/** The builder's events as BuildKit's clients want to hear of them (moby.buildkit.v1.StatusResponse). */
import type { BuildEvent, StepId } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { digestOf, type Digest } from "../../oci/index.ts";
import { ProgressVertex } from "./progress_vertex.ts";
import { pullStatus } from "./pull_status.ts";
import type { StatusUpdate } from "./status_messages.ts";
import { StepNames } from "./step_names.ts";

export interface BuildProgressOptions {
  /** Names the build: the digests of its vertexes are made from it. */
  readonly ref: string;
  readonly send: (update: StatusUpdate) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/**
 * One for each build, however many platforms it has. Steps that only change the image's config are no vertexes, as in
 * BuildKit; what is not of the Dockerfile (`[internal] load build context`, `exporting to image`) is begun by
 * {@link vertex} or {@link during}.
 */
export class BuildProgress {
  readonly #options: Required<BuildProgressOptions>;
  readonly #open = new Map<string, ProgressVertex>();
  /** The last vertex of each stage: the next one stands on it. */
  readonly #ends = new Map<number, Digest>();
  #names = new StepNames([]);
  #plans = 0;
  #count = 0;

  constructor({ now = Date.now, ...options }: BuildProgressOptions) {
    this.#options = { ...options, now };
  }

  take(event: BuildEvent): void {
    switch (event.kind) {
      case "plan":
        this.#plans++;
        this.#ends.clear();
        this.#names = new StepNames(event.stages);
        return;
      case "step-started":
        return this.#start(event.id, event.text);
      case "output":
        return this.#of(event.id)?.log(event.stream, event.chunk);
      case "progress": {
        const status = pullStatus(event);
        return status && this.#of(event.id)?.status(status);
      }
      case "step-done":
        return this.#of(event.id)?.end({ cached: event.record.cache?.hit === true });
      case "step-failed":
        return this.#of(event.id)?.fail(event.error);
      case "warning":
        // What else the builder warns of is found by the checks as well.
        if (event.warning.rule === "UnusedBuildArg") this.warn(event.warning.message);
        return;
      case "container":
      case "done":
        return;
    }
  }

  /** Begins what no event tells of. */
  vertex(name: string, inputs: readonly Digest[] = []): ProgressVertex {
    const key = `${this.#options.ref} ${++this.#count} ${name}`;
    return this.#begin(key, key, name, inputs);
  }

  /** A vertex that lasts as long as the work, and fails with it. */
  async during<T>(name: string, work: (vertex: ProgressVertex) => Promise<T>): Promise<T> {
    const vertex = this.vertex(name);
    try {
      const result = await work(vertex);
      vertex.end();
      return result;
    } catch (error) {
      vertex.fail(error);
      throw error;
    }
  }

  /** What does not fail the build; clients show it at its end. */
  warn(text: string, detail?: string): void {
    const [first = this.vertex("[internal] warnings")] = this.#open.values();
    first.warn({ short: text, ...(detail !== undefined && { detail }) });
  }

  /** Ends what has not ended. */
  finish(): void {
    const broken = new Failure("cancelled", "the build has ended");
    for (const vertex of this.#open.values()) vertex.fail(broken);
    this.#open.clear();
  }

  #start(id: StepId, text: string): void {
    const name = this.#names.of(id, text);
    if (name === undefined) return;
    const before = this.#ends.get(id.stage);
    const key = this.#keyOf(id);
    const vertex = this.#begin(key, `${this.#options.ref} ${key}`, name, before ? [before] : []);
    this.#ends.set(id.stage, vertex.digest);
  }

  #begin(key: string, hashed: string, name: string, inputs: readonly Digest[]): ProgressVertex {
    const { send, now } = this.#options;
    const vertex = new ProgressVertex({ digest: digestOf(hashed), name, inputs, send, now });
    this.#open.set(key, vertex);
    return vertex;
  }

  #of(id: StepId): ProgressVertex | undefined {
    return this.#open.get(this.#keyOf(id));
  }

  #keyOf({ stage, step, trigger }: StepId): string {
    return `${this.#plans} ${stage} ${step} ${trigger?.index ?? ""}`;
  }
}
