/** The view of a build that fits the stream and what was asked for. */
import type { BuilderTools } from "../../engine/index.ts";
import type { App } from "../app.ts";
import { JsonView } from "./json_view.ts";
import { PlainView } from "./plain_view.ts";
import type { BuildView } from "./types.ts";

export type ProgressMode = "auto" | "plain" | "tty" | "json" | "quiet";

/** The classic builder's stream is its output; all else tells on standard error, which leaves room for results. */
export function buildView(
  app: App,
  mode: ProgressMode,
  { classic, tools }: { readonly classic: boolean; readonly tools: Pick<BuilderTools, "classicStream"> },
): BuildView {
  if (mode === "quiet") return { take: () => undefined, finish: () => undefined };
  if (mode === "json") return new JsonView((text) => app.stderr.write(text));
  if (classic) {
    const take = tools.classicStream((text) => app.stdout.write(text));
    return { take, finish: () => undefined };
  }
  return new PlainView((text) => app.stderr.write(text));
}
