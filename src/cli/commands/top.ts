/** `varve top`: behaviours B178. */
import { command, result } from "../app.ts";
import { daemonOf } from "../daemon_client.ts";
import { pathOf } from "../engine_client/path_of.ts";
import { alignTabs } from "../kit/index.ts";

/** Docker's cells of `ps`. */
const cell = 20;

export const top = command({
  path: ["top"],
  aliases: [["container", "top"]],
  section: "Containers",
  usage: "CONTAINER [ps OPTIONS]",
  summary: "Display the running processes of a container",
  examples: [{ text: "Only numbers and commands", command: "varve top web -o pid,args" }],
  flags: {},
  args: { min: 1, name: "CONTAINER" },
  stopAtFirst: true,
  complete: (position) => (position === 0 ? "running" : "none"),
  storeless: true,
  daemon: "asked",
  async run({ app, args: [container = "", ...options], signal }) {
    const client = await daemonOf(app);
    const found = await client.json<Processes>("GET", pathOf`/containers/${container}/top`, {
      query: { ps_args: options.join(" ") },
      signal,
    });
    const rows = [found.Titles, ...found.Processes].map((cells) => cells.join("\t"));
    result(app, found, alignTabs(rows.join("\n"), cell).split("\n"));
  },
});

interface Processes {
  readonly Titles: readonly string[];
  readonly Processes: readonly (readonly string[])[];
}
