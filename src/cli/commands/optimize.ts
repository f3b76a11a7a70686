/** `varve store optimize`: what several layers have, once. */
import type { OptimizeReport } from "../../engine/index.ts";
import { shortId } from "../../oci/index.ts";
import { command, result } from "../app.ts";
import { humanSize } from "../kit/index.ts";
import { withProgress } from "../with_progress.ts";

export const storeOptimize = command({
  path: ["store", "optimize"],
  aliases: [["system", "optimize"]],
  section: "System",
  usage: "[OPTIONS]",
  summary: "Keep large files that several layers have only once",
  details:
    "Under the driver erofs. A file that an older layer has as well is taken out of the younger layer and read from the " +
    "older one from then on; images, saves and pushes stay the same to the byte. Layers of images that are in use are " +
    "left for another time. varve never does this by itself. It may be interrupted at any point.",
  examples: [{ text: "See first what it would give back", command: "varve store optimize --dry-run" }],
  flags: {
    "dry-run": { kind: "boolean", help: "Only say what would be given back" },
    "min-size": { kind: "bytes", help: "Leave files alone that are smaller (default 64k)" },
    quiet: { kind: "boolean", short: "q", help: "Suppress progress output" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags, signal }) {
    const { system } = await app.engine();
    const minSize = flags["min-size"];
    // With --json there is one record, for people a table: progress only while a person watches.
    const quiet = flags.quiet || app.json || !app.stdout.isTTY;
    const report = await withProgress(app, quiet, (progress) =>
      system.optimize({
        signal,
        dryRun: flags["dry-run"],
        ...(minSize !== undefined && { minSize }),
        ...(progress !== undefined && { report: progress }),
      }),
    );
    result(app, report, linesOf(report, flags["dry-run"]));
  },
});

function linesOf({ layers, bytes, remains }: OptimizeReport, dryRun: boolean): string[] {
  const rest = remains > 0 ? [`remains of removed layers: freed ${humanSize(remains, 4)}`] : [];
  const total = `${dryRun ? "Reclaimable" : "Total reclaimed"} space: ${humanSize(bytes, 4)}`;
  return [...layers.map(lineOf), ...rest, total];
}

function lineOf({ diffId, files, bytes, outcome }: OptimizeReport["layers"][number]): string {
  const what = `${files} file${files === 1 ? "" : "s"}, ${humanSize(bytes, 4)}`;
  switch (outcome) {
    case "done":
      return `${shortId(diffId)}: freed ${what}`;
    case "dry run":
      return `${shortId(diffId)}: would free ${what}`;
    case "in use":
      return `${shortId(diffId)}: in use, left as it is (${what})`;
    case "damaged":
      return `${shortId(diffId)}: damaged, left as it is; \`varve system check --deep --repair\` fetches it again`;
  }
}
