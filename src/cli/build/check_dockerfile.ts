/** `varve build --check`. */
import { renderFindings, lintExitCode } from "../../dockerfile/index.ts";
import type { BuilderTools } from "../../engine/index.ts";
import { line, type App } from "../app.ts";
import { humanSize, type FlagValues } from "../kit/index.ts";
import type { buildFlags } from "./build_flags.ts";
import { skippedRules } from "./skipped_rules.ts";
import { writeSarif } from "./write_sarif.ts";

/** Returns the exit code. */
export async function checkDockerfile(
  { checkBuild }: Pick<BuilderTools, "checkBuild">,
  app: App,
  flags: FlagValues<typeof buildFlags>,
  { context, signal }: { readonly context: string; readonly signal: AbortSignal },
): Promise<number> {
  const { file } = flags;
  const { dockerfile, findings } = await checkBuild(
    { context, stdin: app.stdin, signal, ...(file !== undefined && { file }) },
    { skip: skippedRules(flags["check-skip"]) },
  );
  const json = app.json || flags.progress === "json";
  if (flags.sarif !== undefined) await writeSarif(app, flags.sarif, findings, dockerfile);
  if (flags.sarif === "-") return lintExitCode(findings, flags["check-error"] ?? "warning");
  if (json) line(app, JSON.stringify(findings, null, 2));
  else if (findings.length === 0) line(app, "Check complete, no warnings found.");
  else {
    app.stdout.write(renderFindings(findings, dockerfile, { formatBytes: humanSize }));
    const has = findings.length > 1 ? "warnings have" : "warning has";
    line(app, `\nCheck complete, ${findings.length} ${has} been found!`);
  }
  return lintExitCode(findings, flags["check-error"] ?? "warning");
}
