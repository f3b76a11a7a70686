/** Shows the progress of long work while it runs, in the form that fits the stream. */
import type { Report } from "../bytes/index.ts";
import type { App } from "./app.ts";
import { createPainter } from "./kit/index.ts";

/** Runs `work` with a painter on standard output; none at all when `quiet`. The painter is ended on failure too. */
export async function withProgress<T>(
  app: App,
  quiet: boolean,
  work: (report: Report | undefined) => Promise<T>,
): Promise<T> {
  if (quiet) return work(undefined);
  const painter = createPainter(app.stdout, { json: app.json });
  try {
    return await work(painter.report);
  } finally {
    painter.end();
  }
}
