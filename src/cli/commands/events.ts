/** `varve events`. */
import { command } from "../app.ts";

export const events = command({
  path: ["events"],
  aliases: [["system", "events"]],
  section: "System",
  usage: "[OPTIONS]",
  summary: "Get real time events from the daemon",
  examples: [
    {
      text: "What happened to a container in the last hour",
      command: "varve events --since 1h --until 0s -f container=web",
    },
    { text: "Ends of containers, for a program", command: "varve events --json -f event=die" },
  ],
  flags: {
    filter: { kind: "list", short: "f", type: "filter", help: "Filter output based on conditions provided" },
    format: { kind: "string", type: "string", help: "Format output with a Go template, or 'json'" },
    since: { kind: "string", type: "string", help: "Show all events created since timestamp" },
    until: { kind: "string", type: "string", help: "Stream events until this timestamp" },
  },
  args: { min: 0, max: 0 },
  storeless: true,
  daemon: "asked",
  run: async ({ app, flags, signal }) =>
    (await import("../containers/events.ts")).showEvents(app, flags, signal),
});
