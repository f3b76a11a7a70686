/** Builds: images from Dockerfiles. Loaded when the first one begins. */
import { familiarReference } from "../../oci/index.ts";
import type { Remote } from "../../remote/index.ts";
import type { Store } from "../../store/index.ts";
import type { Images } from "../images/index.ts";
import type { Examined, ExamineOptions } from "./examine.ts";
import type { StepNetworking } from "./step_networking.ts";
import type { BuildOutcome, BuildRequest } from "./types.ts";

export class Builds {
  readonly #store: Store;
  readonly #images: Images;
  readonly #remote: () => Promise<Remote>;
  readonly #stepNetworking: () => StepNetworking | undefined;

  /** @param stepNetworking asked when a build begins; undefined: steps have the host's network */
  constructor(
    store: Store,
    images: Images,
    remote: () => Promise<Remote>,
    stepNetworking: () => StepNetworking | undefined,
  ) {
    this.#store = store;
    this.#images = images;
    this.#remote = remote;
    this.#stepNetworking = stepNetworking;
  }

  /**
   * Builds, names the image, writes the outputs and pushes. Whatever fails leaves no name behind; what was done stays in
   * the cache. Throws `Failure` in the words of Docker and BuildKit.
   */
  async build(request: BuildRequest): Promise<BuildOutcome> {
    const parts = {
      store: this.#store,
      images: this.#images,
      remote: this.#remote,
      stepNetworking: this.#stepNetworking(),
    };
    const outcome = await (await import("./run_build.ts")).runBuild(parts, request);
    if (request.keepImage === false) return outcome;
    const { events } = this.#images;
    await events.tell("create", outcome.image.id);
    for (const name of outcome.names) await events.tell("tag", outcome.image.id, familiarReference(name));
    return outcome;
  }

  /** Measures what the lines of a finished build cost, and finds what could be better. */
  async examine(outcome: BuildOutcome, options: ExamineOptions): Promise<Examined> {
    return (await import("./examine.ts")).examineBuild(this.#store, outcome, options);
  }
}
