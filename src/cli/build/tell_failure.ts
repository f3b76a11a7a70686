/** How a failed build ends. */
import { Failure, isFailure } from "../../errors.ts";
import type { App } from "../app.ts";
import { reportFailure } from "../kit/index.ts";
import type { ViewMode } from "./build_view.ts";
import { commandExit } from "./step_end.ts";

/**
 * Tells of the error, with the output of the command that failed unless that was seen already; returns the exit code:
 * that of the command for the old builder, as `docker build` (docker/cli, cli/command/image/build.go), else 1.
 */
export function tellFailure(
  app: Pick<App, "stderr">,
  error: unknown,
  { mode, classic }: { readonly mode: ViewMode; readonly classic: boolean },
): number {
  const exit = commandExit(error);
  const shown =
    exit !== undefined && isFailure(error) && mode !== "quiet"
      ? new Failure(error.kind, error.message, { hint: exit.where, cause: exit })
      : error;
  const exitCode = classic && exit !== undefined ? exit.code : 1;
  const debug = Boolean(process.env["VARVE_DEBUG"]);
  if (mode !== "json") return reportFailure(shown, app.stderr, { exitCode, debug });
  const code = reportFailure(shown, { write: () => undefined }, { exitCode });
  const message = shown instanceof Error ? shown.message : String(shown);
  const hint = isFailure(shown) ? shown.hint : undefined;
  app.stderr.write(`${JSON.stringify({ kind: "failed", message, hint, exitCode: code })}\n`);
  return code;
}
