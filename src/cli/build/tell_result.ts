/** What is told at the end of a build. */
import type { LintFinding } from "../../dockerfile/index.ts";
import type { BuilderTools, BuildOutcome, Examined } from "../../engine/index.ts";
import { familiarReference } from "../../oci/index.ts";
import type { App } from "../app.ts";
import { humanSize } from "../kit/index.ts";
import type { ViewMode } from "./build_view.ts";
import { costLines } from "./cost_lines.ts";

export interface Told {
  readonly mode: ViewMode;
  readonly outcome: BuildOutcome;
  readonly examined: Examined | undefined;
  /** A result goes to standard output: nothing else may. */
  readonly stdoutTaken: boolean;
}

/** A line of JSON or the ID alone on standard output; for people the costs, findings and names on standard error. */
export function tellResult(
  tools: Pick<BuilderTools, "costTable">,
  app: Pick<App, "stdout" | "stderr">,
  { mode, outcome, examined, stdoutTaken }: Told,
): void {
  const results = stdoutTaken ? app.stderr : app.stdout;
  switch (mode) {
    case "json":
      return void results.write(`${JSON.stringify(jsonResult(outcome, examined))}\n`);
    case "quiet":
      return void results.write(`${outcome.image.id}\n`);
    case "classic":
    case "plain":
    case "tty": {
      const { stderr } = app;
      const blocks = [
        // A terminal may not know its width: 0.
        costLines(tools, examined?.costs ?? [], stderr.columns || undefined),
        worthTelling(examined?.findings ?? []),
        mode === "classic" ? [] : [builtText(outcome)],
      ];
      for (const lines of blocks) if (lines.length > 0) stderr.write(`\n${lines.join("\n")}\n`);
    }
  }
}

function jsonResult({ image, images, names }: BuildOutcome, examined: Examined | undefined): object {
  return {
    image: image.id,
    images: images.map(({ id }) => id),
    names: names.map(familiarReference),
    costs: examined?.costs ?? [],
    findings: examined?.findings ?? [],
  };
}

function builtText({ image, names }: BuildOutcome): string {
  return `Built ${image.id}${names.length > 0 ? ` as ${names.map(familiarReference).join(", ")}` : ""}`;
}

const shownFindings = 5;

/** One line for each, the worst first; `--check` says it all. */
function worthTelling(findings: readonly LintFinding[]): string[] {
  const told = findings.slice(0, shownFindings).map(({ rule, span, message, bytesLost }) => {
    const lost = bytesLost === undefined ? "" : ` (${humanSize(bytesLost)})`;
    return `${rule}, line ${span.start.line}: ${message}${lost}`;
  });
  const rest = findings.length - told.length;
  return rest > 0 ? [...told, `${rest} more: see \`varve build --check\``] : told;
}
