/** `varve stats`. */
import { command, listFlags } from "../app.ts";

export const stats = command({
  path: ["stats"],
  aliases: [["container", "stats"]],
  section: "Containers",
  usage: "[OPTIONS] [CONTAINER...]",
  summary: "Display a live stream of container(s) resource usage statistics",
  details:
    "On a terminal the table is repainted in place until Ctrl-C, and without names it follows containers as they come " +
    "and go. Elsewhere one table follows the other.",
  examples: [
    { text: "All that run", command: "varve stats" },
    { text: "Once, for a script", command: "varve stats --no-stream --format '{{.Name}} {{.MemUsage}}'" },
  ],
  flags: {
    all: { kind: "boolean", short: "a", help: "Show all containers (default shows just running)" },
    format: listFlags.format,
    "no-stream": { kind: "boolean", help: "Disable streaming stats and only pull the first result" },
    "no-trunc": { kind: "boolean", help: "Do not truncate output" },
  },
  args: { min: 0, name: "CONTAINER" },
  complete: "running",
  storeless: true,
  daemon: "asked",
  run: async ({ app, flags, args, signal }) =>
    (await import("../containers/stats.ts")).showStats(app, args, flags, signal),
});
