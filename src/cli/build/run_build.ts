/** What `varve build` does; loaded when it is called. */
import { lintExitCode, type LintSeverity } from "../../dockerfile/index.ts";
import {
  loadBuilder,
  type BuilderTools,
  type BuildOutcome,
  type BuildRequest,
  type Engine,
  type Examined,
} from "../../engine/index.ts";
import { result, type App } from "../app.ts";
import type { CommandContext } from "../kit/index.ts";
import type { buildFlags } from "./build_flags.ts";
import { buildRequest } from "./build_request.ts";
import { buildView, transferView, viewMode, type ViewMode } from "./build_view.ts";
import { checkDockerfile } from "./check_dockerfile.ts";
import { refuseDockerFlags } from "./docker_flags.ts";
import { BuildScreen } from "./build_screen.ts";
import { skippedRules } from "./skipped_rules.ts";
import { tellFailure } from "./tell_failure.ts";
import { tellResult } from "./tell_result.ts";
import { writeSarif } from "./write_sarif.ts";

type Context = CommandContext<typeof buildFlags, App>;

/** Returns the exit code. */
export async function runBuild(context: Context): Promise<number | void> {
  const { app, flags, args, given, signal } = context;
  refuseDockerFlags(given, flags);
  const path = args[0] as string;
  const tools = await loadBuilder();
  if (flags.init) return writeDockerfile(tools, app, path);
  if (flags.check || flags.call === "check")
    return checkDockerfile(tools, app, flags, { context: path, signal });
  return build(tools, context);
}

async function writeDockerfile({ writeProposal }: BuilderTools, app: App, directory: string): Promise<void> {
  const names = await writeProposal(directory);
  result(app, names, [`Wrote ${names.join(" and ")} in ${directory}`]);
}

async function build(tools: BuilderTools, context: Context): Promise<number> {
  const { app, flags, args, signal } = context;
  const skip = skippedRules(flags["check-skip"]);
  const mode = viewMode({ ...flags, json: app.json }, canPaint(app));
  const stdoutTaken = flags.output.some((text) => /^-$|(^|,)dest=-(,|$)/.test(text));
  const colors = !process.env["NO_COLOR"];
  const screen = new BuildScreen(
    buildView(app, mode, { tools, stdoutTaken, colors }),
    transferView(app, mode),
  );
  const request = buildRequest({ app, flags, context: args[0] as string, screen, signal });
  const engine = await app.engine();
  let outcome: BuildOutcome;
  let examined: Examined | undefined;
  try {
    outcome = await watched(engine, request, screen);
    const measure = wantsCosts(context, mode);
    if (measure || wantsFindings(context, mode))
      examined = await engine.builds.examine(outcome, { skip, signal, measure });
  } catch (error) {
    return tellFailure(app, error, { mode, classic: flags.classic });
  }
  const findings = examined?.findings ?? [];
  if (flags.sarif !== undefined) await writeSarif(app, flags.sarif, findings, outcome.dockerfile);
  tellResult(tools, app, { mode, outcome, examined, stdoutTaken });
  return lintExitCode(findings, flags["check-error"] ?? severityOf(outcome));
}

/** The old builder's output is only its own, unless they are asked for. */
function wantsCosts({ flags, given }: Context, mode: ViewMode): boolean {
  return flags.costs && mode !== "quiet" && (mode !== "classic" || given.has("costs"));
}

function wantsFindings({ given }: Context, mode: ViewMode): boolean {
  const isAsked = given.has("sarif") || given.has("check-error");
  return isAsked || (mode !== "quiet" && mode !== "classic");
}

/** What is built is built: findings make the command fail only where that is asked for. */
function severityOf({ dockerfile }: BuildOutcome): LintSeverity | "never" {
  return /(^|;)\s*error\s*=\s*true\s*(;|$)/i.test(dockerfile.directives.check ?? "") ? "error" : "never";
}

/** Whether standard error is a terminal that moves its cursor. */
function canPaint({ stderr }: App): boolean {
  return stderr.isTTY === true && process.env["TERM"] !== "dumb";
}

async function watched(engine: Engine, request: BuildRequest, screen: BuildScreen): Promise<BuildOutcome> {
  try {
    return await engine.builds.build(request);
  } finally {
    screen.finish();
  }
}
