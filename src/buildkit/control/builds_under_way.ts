/** Builds that clients have begun, by the name that they gave them: several calls have to do with one. */
import { Failure } from "../../errors.ts";
import { Arrivals } from "../session/index.ts";
import { BuildUnderWay, type BuildAsked } from "./build_under_way.ts";
import type { Solved } from "./solve_dockerfile.ts";

export interface BuildsUnderWayOptions {
  /** Milliseconds for which a call waits for its build, which begins at the same time (default 10,000). */
  readonly patience?: number;
}

/** Who asks late for the progress of a build, or for its result, is still answered. */
const mostEnded = 32;
const mostRunning = 1000;
const longestRef = 256;

export class BuildsUnderWay {
  readonly #builds = new Map<string, BuildUnderWay>();
  readonly #begun: Arrivals<BuildUnderWay>;

  constructor({ patience = 10_000 }: BuildsUnderWayOptions = {}) {
    this.#begun = new Arrivals(patience);
  }

  /** @throws Failure("conflict") for a name that is in use, Failure("invalid"), Failure("limit") */
  begin(asked: BuildAsked): BuildUnderWay {
    const { ref } = asked.request;
    if (ref === "" || ref.length > longestRef)
      throw new Failure("invalid", "the build has no name, or a long one");
    if (this.#builds.has(ref)) throw new Failure("conflict", `job ID ${ref} exists`);
    const ended = [...this.#builds].filter(([, build]) => build.hasEnded);
    for (const [name] of ended.slice(0, Math.max(0, ended.length - mostEnded))) this.#builds.delete(name);
    if (this.#builds.size >= mostRunning)
      throw new Failure("limit", `there are ${mostRunning} builds already`);
    const build = new BuildUnderWay(asked);
    this.#builds.set(ref, build);
    this.#begun.tell(ref, build);
    return build;
  }

  /** @throws Failure("not-found") if it does not begin, Failure("cancelled") */
  async get(ref: string, signal: AbortSignal): Promise<BuildUnderWay> {
    const late = (): Failure => new Failure("not-found", `no such job ${ref}`);
    return this.#builds.get(ref) ?? this.#begun.wait(ref, { signal, late });
  }

  /** The image that a result of any of the builds is; it is built if it was not. @throws Failure("not-found") */
  async imageOf(result: string): Promise<Solved["outcome"]["image"]> {
    for (const build of this.#builds.values()) {
      if (build.hasResult(result)) return (await build.result(result)).outcome.image;
    }
    throw new Failure("not-found", `no such ref: ${result}`);
  }
}
