import type { BuildEvent } from "../../engine/index.ts";
import { fullName, type BuildProgress, type ProgressVertex } from "../progress/index.ts";
import type { Exports } from "./exporters.ts";

type Done = Extract<BuildEvent, { kind: "done" }>;

/** The last vertexes of a build: they begin when the image is there. */
export class Exporting {
  readonly #progress: BuildProgress;
  readonly #titles: readonly string[];
  #vertexes: readonly ProgressVertex[] = [];

  constructor(progress: BuildProgress, { titles }: Exports) {
    this.#progress = progress;
    this.#titles = titles;
  }

  begin({ image, names }: Done): void {
    this.#vertexes = this.#titles.map((title) => this.#progress.vertex(title));
    for (const vertex of this.#vertexes) {
      vertex.status({ id: `writing image ${image}`, isDone: true });
      for (const name of names) vertex.status({ id: `naming to ${fullName(name)}`, isDone: true });
    }
  }

  end(error?: unknown): void {
    for (const vertex of this.#vertexes) {
      if (error === undefined) vertex.end();
      else vertex.fail(error);
    }
  }
}
