/** A build as lines of JSON: what Docker's old builder prints, as `stream`; the image, as `aux` (B179). */
import type { BuildEvent, BuilderTools } from "../../../engine/index.ts";
import type { JsonLines } from "../../http/index.ts";

/** A listener for the events of one build. */
export function buildLines(
  lines: Pick<JsonLines, "write" | "report">,
  { classicStream }: Pick<BuilderTools, "classicStream">,
): (event: BuildEvent) => void {
  let image = "";
  const print = classicStream((text) => {
    if (image !== "" && text.startsWith("Successfully built ")) lines.write({ aux: { ID: image } });
    // Docker's builder writes a step and its line feed one after the other.
    if (!/^Step \d+\/\d+ : .*\n$/s.test(text)) return lines.write({ stream: text });
    lines.write({ stream: text.slice(0, -1) });
    lines.write({ stream: "\n" });
  });
  return (event) => {
    if (event.kind === "done") ({ image } = event);
    if (event.kind === "progress") lines.report(pullProgress(event));
    print(event);
  };
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
