/** A build as lines of JSON: what Docker's old builder prints, as `stream`; the image of each stage, as `aux` (B179). */
import type { BuildEvent, BuilderTools } from "../../../engine/index.ts";
import type { JsonLines } from "../../http/index.ts";

/** When Docker removes the container of a step: `rm` and `forcerm`. Ours goes in any case; this is what is said of it. */
export type RemovesContainers = "never" | "after-success" | "always";

/** A listener for the events of one build. */
export function buildLines(
  lines: Pick<JsonLines, "write" | "report">,
  { classicStream }: Pick<BuilderTools, "classicStream">,
  removes: RemovesContainers = "after-success",
): (event: BuildEvent) => void {
  let [image, container] = ["", ""];
  const stages = new StageImages();
  const print = classicStream((text) => {
    const made = text.startsWith("Step ")
      ? stages.ended()
      : text.startsWith("Successfully built ")
        ? image
        : "";
    if (made !== "") lines.write({ aux: { ID: made } });
    // Docker's builder writes a step and its line feed one after the other.
    if (!/^Step \d+\/\d+ : .*\n$/s.test(text)) return lines.write({ stream: text });
    lines.write({ stream: text.slice(0, -1) });
    lines.write({ stream: "\n" });
  });
  return (event) => {
    stages.take(event);
    switch (event.kind) {
      case "done":
        ({ image } = event);
        break;
      case "progress":
        lines.report(pullProgress(event));
        break;
      case "container":
        container = event.what === "running" ? event.container : "";
        if (container === "" && removes === "never") return;
        break;
      case "step-failed":
        if (container !== "" && removes === "always")
          lines.write({ stream: `Removing intermediate container ${container.slice(0, 12)}\n` });
        break;
      case "plan":
      case "step-started":
      case "output":
      case "step-done":
      case "warning":
    }
    print(event);
  };
}

/** What the stages have made but for the last (moby, daemon/builder/dockerfile/builder.go, `emitImageID`). */
class StageImages {
  #stage = -1;
  #image = "";
  #ended = "";

  take(event: BuildEvent): void {
    if (event.kind === "step-done") this.#image = event.record.image ?? "";
    if (event.kind !== "step-started" || event.id.stage === this.#stage) return;
    this.#stage = event.id.stage;
    this.#ended = this.#image;
    this.#image = "";
  }

  /** The image of the stage before the one that begins; told once. */
  ended(): string {
    const image = this.#ended;
    this.#ended = "";
    return image;
  }
}

/** A layer or tag stands before the status of a pull. */
function pullProgress({ status, current, total }: Extract<BuildEvent, { kind: "progress" }>) {
  const [, id, rest] = /^(\S+): (.*)$/s.exec(status) ?? [];
  return {
    ...(id !== undefined && { id }),
    status: rest ?? status,
    ...(current !== undefined && { current }),
    ...(total !== undefined && { total }),
  };
}
