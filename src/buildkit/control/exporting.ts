import type { BuildEvent } from "../../engine/index.ts";
import { fullName, type BuildProgress, type ProgressVertex } from "../progress/index.ts";
import type { Exports } from "./exporters.ts";

type Done = Extract<BuildEvent, { kind: "done" }>;

/** The last vertexes of a build: they begin when the image is there. */
export class Exporting {
  readonly #progress: BuildProgress;
  readonly #shown: Exports["shown"];
  #vertexes: readonly ProgressVertex[] = [];

  constructor(progress: BuildProgress, { shown }: Exports) {
    this.#progress = progress;
    this.#shown = shown;
  }

  begin({ image, names }: Done): void {
    this.#vertexes = this.#shown.map(({ title, isImage }) => {
      const vertex = this.#progress.vertex(title);
      if (!isImage) return vertex;
      vertex.status({ id: `writing image ${image}`, isDone: true });
      for (const name of names) vertex.status({ id: `naming to ${fullName(name)}`, isDone: true });
      return vertex;
    });
  }

  end(error?: unknown): void {
    for (const vertex of this.#vertexes) {
      if (error === undefined) vertex.end();
      else vertex.fail(error);
    }
  }
}
