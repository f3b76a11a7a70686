/** What `varve build` does; loaded when it is called. */
import { renderFindings, lintExitCode, type LintSeverity } from "../../dockerfile/index.ts";
import { loadBuilder, type BuilderTools, type BuildOutcome, type Examined } from "../../engine/index.ts";
import { familiarReference } from "../../oci/index.ts";
import { line, result, type App } from "../app.ts";
import { humanSize, type CommandContext, type FlagValues } from "../kit/index.ts";
import type { buildFlags } from "./build_flags.ts";
import { buildRequest } from "./build_request.ts";
import { buildView, type ProgressMode } from "./build_view.ts";
import { costLines } from "./cost_lines.ts";
import { writeSarif } from "./write_sarif.ts";

type Values = FlagValues<typeof buildFlags>;

/** Returns the exit code. */
export async function runBuild({
  app,
  flags,
  args,
  given,
  signal,
}: CommandContext<typeof buildFlags, App>): Promise<number | void> {
  const path = args[0] as string;
  const tools = await loadBuilder();
  if (flags.init) return writeDockerfile(tools, app, path);
  if (flags.check) return checkOnly(tools, app, flags, path, signal);
  const engine = await app.engine();
  const quiet = flags.quiet || flags.progress === "quiet";
  const mode: ProgressMode = quiet ? "quiet" : app.json ? "json" : flags.progress;
  const view = buildView(app, mode, { classic: flags.classic, tools });
  const request = buildRequest({ app, flags, context: path, view, signal });
  let outcome: BuildOutcome;
  try {
    outcome = await engine.builds.build(request);
  } finally {
    view.finish();
  }
  const wantsCosts = given.has("costs") ? flags.costs : flags.costs && !flags.classic;
  const examined =
    quiet || !wantsCosts
      ? undefined
      : await engine.builds.examine(outcome, { signal, skip: flags["check-skip"] });
  const findings = examined?.findings ?? [];
  if (flags.sarif !== undefined) await writeSarif(app, flags.sarif, findings, outcome.dockerfile);
  tellResult(tools, app, flags, outcome, examined);
  return lintExitCode(findings, failOn(flags, "never"));
}

async function writeDockerfile({ writeProposal }: BuilderTools, app: App, directory: string): Promise<void> {
  const names = await writeProposal(directory);
  result(app, names, [`Wrote ${names.join(" and ")} in ${directory}`]);
}

/** Findings fail a build only if that is asked for. */
function failOn(flags: Values, usual: LintSeverity | "never"): LintSeverity | "never" {
  return flags["check-error"] ?? usual;
}

function tellResult(
  tools: BuilderTools,
  app: App,
  flags: Values,
  outcome: BuildOutcome,
  examined: Examined | undefined,
): void {
  const { image, names, images } = outcome;
  if (app.json) {
    const told = {
      image: image.id,
      images: images.map(({ id }) => id),
      names: names.map(familiarReference),
      costs: examined?.costs ?? [],
      findings: examined?.findings ?? [],
    };
    return line(app, JSON.stringify(told));
  }
  if (flags.quiet) return line(app, image.id);
  if (examined !== undefined) {
    const lines = costLines(tools, examined.costs, app.stderr.columns);
    if (lines.length > 0) app.stderr.write(`\n${lines.join("\n")}\n`);
    const worst = worthTelling(examined.findings);
    if (worst.length > 0) app.stderr.write(`\n${worst.map((text) => `${text}\n`).join("")}`);
  }
  if (!flags.classic) {
    const tagged = names.length > 0 ? ` as ${names.map(familiarReference).join(", ")}` : "";
    app.stderr.write(`\nBuilt ${image.id}${tagged}\n`);
  }
}

const shownFindings = 5;

/** One line for each, the worst first; `--check` says it all. */
function worthTelling(findings: Examined["findings"]): string[] {
  const told = findings.slice(0, shownFindings).map(({ rule, span, message, bytesLost }) => {
    const lost = bytesLost === undefined ? "" : ` (${humanSize(bytesLost)})`;
    return `${rule}, line ${span.start.line}: ${message}${lost}`;
  });
  const rest = findings.length - told.length;
  return rest > 0 ? [...told, `${rest} more: see \`varve build --check\``] : told;
}

async function checkOnly(
  tools: BuilderTools,
  app: App,
  flags: Values,
  path: string,
  signal: AbortSignal,
): Promise<number> {
  const engine = await app.engine();
  const view = buildView(app, "quiet", { classic: false, tools });
  const { dockerfile, findings } = await engine.builds.check(
    buildRequest({ app, flags, context: path, view, signal }),
    { skip: flags["check-skip"] },
  );
  if (flags.sarif !== undefined) await writeSarif(app, flags.sarif, findings, dockerfile);
  else if (app.json) line(app, JSON.stringify(findings, null, 2));
  else if (findings.length === 0) line(app, "Check complete, no warnings found.");
  else {
    app.stdout.write(renderFindings(findings, dockerfile, { formatBytes: humanSize }));
    line(
      app,
      `Check complete, ${findings.length} warning${findings.length > 1 ? "s have" : " has"} been found!`,
    );
  }
  return lintExitCode(findings, failOn(flags, "warning"));
}
