import { writeFile } from "node:fs/promises";
import { sarif, type Dockerfile, type LintFinding } from "../../dockerfile/index.ts";
import { line, type App } from "../app.ts";

/** Writes findings as SARIF to a file, or to standard output for `-`. */
export async function writeSarif(
  app: App,
  path: string,
  findings: readonly LintFinding[],
  { name }: Pick<Dockerfile, "name">,
): Promise<void> {
  const text = JSON.stringify(sarif(findings, { file: name }), null, 2);
  if (path === "-") line(app, text);
  else await writeFile(path, `${text}\n`);
}
