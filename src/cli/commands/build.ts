/** `varve build`: behaviours section 4. */
import { renderFindings, lintExitCode, type LintSeverity } from "../../dockerfile/index.ts";
import { buildNeedsMounts, writeProposal, type BuildOutcome, type Examined } from "../../engine/index.ts";
import { familiarReference } from "../../oci/index.ts";
import { command, line, result, type App } from "../app.ts";
import { buildFlags } from "../build/build_flags.ts";
import { buildRequest } from "../build/build_request.ts";
import { costLines } from "../build/cost_lines.ts";
import { buildView, type ProgressMode } from "../build/build_view.ts";
import { writeSarif } from "../build/write_sarif.ts";
import { humanSize, type FlagValues } from "../kit/index.ts";

type Values = FlagValues<typeof buildFlags>;

export const build = command({
  path: ["build"],
  aliases: [
    ["image", "build"],
    ["builder", "build"],
    ["buildx", "build"],
  ],
  section: "Images",
  usage: "[OPTIONS] PATH | URL | -",
  summary: "Build an image from a Dockerfile",
  details:
    "PATH is a directory with the files to copy, or a tar of one; a URL leads to a tar, a Dockerfile or a git repository; " +
    "- reads a tar or a Dockerfile from standard input. Stages that the target does not need are not built, others run side " +
    "by side. A step is taken from the cache if all that it depends on is the same: contents of files, the command, its " +
    "variables and mounts, and the layers below. At the end a table says what each line costs in the image, and what could " +
    "be better. Without RUN a build needs no privilege and no mount.\n\n" +
    "With SOURCE_DATE_EPOCH set (in the environment or by --build-arg), the same Dockerfile and files give the same digests " +
    "on any day.",
  examples: [
    { text: "The Dockerfile in this directory", command: "varve build -t app:1 ." },
    {
      text: "One stage, with an argument, pushed",
      command: "varve build --target web --build-arg V=2 --push -t 127.0.0.1:5000/web .",
    },
    { text: "Only the result's files, into a directory", command: "varve build -o out ." },
    { text: "What could be better, without building", command: "varve build --check ." },
    { text: "A first Dockerfile for a Node project", command: "varve build --init ." },
    { text: "A Dockerfile alone", command: "varve build -t tools - < Dockerfile" },
  ],
  flags: buildFlags,
  args: { min: 1, max: 1, name: "PATH" },
  complete: "directory",
  exclusive: [
    ["quiet", "check"],
    ["init", "check"],
    ["no-cache", "no-cache-filter"],
  ],
  mountsNothing: async ({ flags, args }) =>
    flags.check ||
    flags.init ||
    !(await buildNeedsMounts({
      context: args[0] as string,
      ...(flags.file !== undefined && { file: flags.file }),
      ...(flags.target !== undefined && { target: flags.target }),
    })),
  async run({ app, flags, args, given, signal }) {
    const path = args[0] as string;
    if (flags.init) return writeDockerfile(app, path);
    if (flags.check) return checkOnly(app, flags, path, signal);
    const engine = await app.engine();
    const quiet = flags.quiet || flags.progress === "quiet";
    const mode: ProgressMode = quiet ? "quiet" : app.json ? "json" : flags.progress;
    const view = buildView(app, mode, { classic: flags.classic });
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
    tellResult(app, flags, outcome, examined);
    return lintExitCode(findings, failOn(flags, "never"));
  },
});

async function writeDockerfile(app: App, directory: string): Promise<void> {
  const names = await writeProposal(directory);
  result(app, names, [`Wrote ${names.join(" and ")} in ${directory}`]);
}

/** Findings fail a build only if that is asked for. */
function failOn(flags: Values, usual: LintSeverity | "never"): LintSeverity | "never" {
  return flags["check-error"] ?? usual;
}

function tellResult(app: App, flags: Values, outcome: BuildOutcome, examined: Examined | undefined): void {
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
    const lines = costLines(examined.costs, app.stderr.columns);
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

async function checkOnly(app: App, flags: Values, path: string, signal: AbortSignal): Promise<number> {
  const engine = await app.engine();
  const view = buildView(app, "quiet", { classic: false });
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
