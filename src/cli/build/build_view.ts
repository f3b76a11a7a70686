/** The view of a build that fits the stream and what was asked for. */
import type { BuilderTools } from "../../engine/index.ts";
import type { App } from "../app.ts";
import { progressView, type ProgressView } from "../kit/index.ts";
import { JsonView, jsonTransfers } from "./json_view.ts";
import { LiveView } from "./live_view.ts";
import { PlainView } from "./plain_view.ts";
import type { BuildView } from "./types.ts";

/** `classic`: the output of Docker's old builder. */
export type ViewMode = "plain" | "tty" | "json" | "quiet" | "classic";

export interface ViewWishes {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly classic: boolean;
  readonly progress: "auto" | "plain" | "tty" | "json" | "quiet";
}

/** @param canPaint the stream is a terminal that moves its cursor */
export function viewMode({ json, quiet, classic, progress }: ViewWishes, canPaint: boolean): ViewMode {
  if (quiet || progress === "quiet") return "quiet";
  if (json || progress === "json") return "json";
  if (classic) return "classic";
  if (progress === "auto") return canPaint ? "tty" : "plain";
  return progress;
}

/** Shows pushes, and caches that are fetched and kept; as events like those of steps where these are JSON. */
export function transferView({ stderr }: Pick<App, "stderr">, mode: ViewMode): ProgressView {
  switch (mode) {
    case "quiet":
      return progressView(stderr, { mode: "quiet" });
    case "json":
      return jsonTransfers((text) => stderr.write(text));
    case "classic":
    case "plain":
      return progressView(stderr, { mode: "plain" });
    case "tty":
      return progressView(stderr, { mode: "terminal" });
  }
}

/**
 * The old builder's stream is its output, unless the result is; all else tells on standard error, which leaves room for
 * results.
 */
export function buildView(
  app: Pick<App, "stdout" | "stderr">,
  mode: ViewMode,
  {
    tools,
    stdoutTaken,
    colors,
  }: {
    readonly tools: Pick<BuilderTools, "classicStream">;
    readonly stdoutTaken: boolean;
    readonly colors: boolean;
  },
): BuildView {
  const { stderr } = app;
  const warn = (message: string): void => void stderr.write(`[Warning] ${message}\n`);
  switch (mode) {
    case "quiet":
      return { take: () => undefined, warn, finish: () => undefined };
    case "json":
      return new JsonView((text) => stderr.write(text));
    case "classic": {
      const stream = stdoutTaken ? stderr : app.stdout;
      return { take: tools.classicStream((text) => stream.write(text)), warn, finish: () => undefined };
    }
    case "plain":
      return new PlainView((text) => stderr.write(text));
    case "tty":
      return new LiveView(stderr, { colors });
  }
}
