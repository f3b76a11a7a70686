/** Shows the progress of long work while it runs, in the form that fits the stream. */
import type { Report } from "../bytes/index.ts";
import type { App } from "./app.ts";
import { progressView } from "./kit/index.ts";

/** Runs `work` with its progress on standard output: painted, plain or as JSON; none at all when `quiet`. */
export async function withProgress<T>(
  app: Pick<App, "stdout" | "json">,
  quiet: boolean,
  work: (report: Report | undefined) => Promise<T>,
): Promise<T> {
  if (quiet) return work(undefined);
  using view = progressView(app.stdout, { mode: app.json ? "json" : "auto" });
  return await work(view.report);
}
