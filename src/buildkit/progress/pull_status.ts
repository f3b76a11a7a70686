/** Progress of a pull: of Docker's words those that are a bar to BuildKit's clients. */
import type { BuildEvent } from "../../engine/index.ts";
import type { StatusOfVertex } from "./progress_vertex.ts";

type Progressed = Pick<Extract<BuildEvent, { kind: "progress" }>, "status" | "current" | "total">;

/** Of `3c2cba919283: Downloading`, bytes beside it; undefined for what goes without a bar. */
export function pullStatus({ status, current, total }: Progressed): StatusOfVertex | undefined {
  const [, layer, what] = /^([0-9a-f]{12}): (.*)$/s.exec(status) ?? [];
  if (layer === undefined) return undefined;
  const far = { ...(current !== undefined && { current }), ...(total !== undefined && { total }) };
  switch (what) {
    case "Downloading":
      return { id: layer, ...far };
    case "Download complete":
      return { id: layer, isDone: true };
    case "Extracting":
      return { id: `extracting ${layer}`, ...far };
    case "Pull complete":
      return { id: `extracting ${layer}`, isDone: true };
    default:
      return undefined;
  }
}
