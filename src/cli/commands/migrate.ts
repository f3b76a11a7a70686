/** `varve migrate`: the whole root to another storage driver. */
import { driverNames, type MigrationResult } from "../../engine/index.ts";
import { command, line } from "../app.ts";
import { withProgress } from "../with_progress.ts";

export const migrate = command({
  path: ["migrate"],
  aliases: [["system", "migrate"]],
  section: "System",
  usage: "[OPTIONS] --to DRIVER",
  summary: "Move all images and containers to another storage driver",
  details:
    "All IDs, names and digests stay. The new store is built beside the old one, which stays in force until all of it " +
    "is there and verified; then what the old driver holds is removed. A migration that was interrupted, in whatever " +
    "way, goes on where it stopped when it is run again; `varve system prune`, or a migration back to the driver in " +
    "force, removes what it left instead.",
  examples: [
    {
      text: "Layers stay as they came, and are mounted without being unpacked",
      command: "varve migrate --to erofs",
    },
    { text: "Back to what dockerd can read", command: "varve migrate --to overlay2" },
  ],
  flags: {
    to: {
      kind: "string",
      type: "driver",
      required: true,
      values: driverNames,
      help: `Storage driver to move to: ${driverNames.join(", ")}`,
    },
    keep: { kind: "boolean", help: "Leave what the old driver holds where it is" },
    quiet: { kind: "boolean", short: "q", help: "Suppress progress output" },
  },
  args: { min: 0, max: 0 },
  mounts: true,
  async run({ app, flags, signal }) {
    const { to, keep, quiet } = flags;
    const { system } = await app.engine();
    const result = await withProgress(app, quiet, (report) =>
      system.migrate({ to, keep, signal, ...(report !== undefined && { report }) }),
    );
    if (app.json) line(app, JSON.stringify(result));
    else for (const text of linesOf(result)) line(app, text);
  },
});

function linesOf(result: MigrationResult): string[] {
  const { from, to, images, layers, containers } = result;
  const inUse = "A part of what another driver held is still in use: `varve system gc` removes it later";
  const rest = result.old === "in use" ? [inUse] : [];
  if (result.already) return [`The storage driver is ${to} already`, ...rest];
  const counts = [counted(images, "image"), counted(layers, "layer"), counted(containers, "container")];
  const what = `${counts.slice(0, 2).join(", ")} and ${counts[2]}`;
  return [`Migrated ${what} from ${from} to ${to}`, ...rest];
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
