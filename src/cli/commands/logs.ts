/** `varve logs`. */
import { command } from "../app.ts";

export const logs = command({
  path: ["logs"],
  aliases: [["container", "logs"]],
  section: "Containers",
  usage: "[OPTIONS] CONTAINER",
  summary: "Fetch the logs of a container",
  details: "With --json each piece of output is an object with `stream` and `log`.",
  examples: [
    { text: "What comes from now on, too", command: "varve logs -f --tail 20 web" },
    { text: "Of the last ten minutes, with times", command: "varve logs -t --since 10m web" },
  ],
  flags: {
    details: { kind: "boolean", help: "Show extra details provided to logs" },
    follow: { kind: "boolean", short: "f", help: "Follow log output" },
    since: {
      kind: "string",
      type: "string",
      help: 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    },
    tail: {
      kind: "string",
      short: "n",
      type: "string",
      default: "all",
      help: "Number of lines to show from the end of the logs",
    },
    timestamps: { kind: "boolean", short: "t", help: "Show timestamps" },
    until: {
      kind: "string",
      type: "string",
      help: 'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    },
  },
  args: { min: 1, max: 1, name: "CONTAINER" },
  complete: "container",
  storeless: true,
  daemon: "asked",
  run: async ({ app, flags, args, signal }) =>
    (await import("../containers/logs.ts")).logs(app, args[0] as string, flags, signal),
});
