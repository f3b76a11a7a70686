/** `varve container prune`. */
import { command, result } from "../app.ts";
import { humanSize } from "../kit/index.ts";
import { pruneFilters } from "../prune_filters.ts";

export const containerPrune = command({
  path: ["container", "prune"],
  section: "Containers",
  daemon: "same",
  usage: "[OPTIONS]",
  summary: "Remove all stopped containers",
  examples: [{ text: "Those made more than a day ago", command: "varve container prune --filter until=24h" }],
  flags: {
    filter: {
      kind: "list",
      type: "filter",
      help: "Only containers that match: until=TIMESTAMP, label=KEY[=VALUE], label!=KEY[=VALUE]",
    },
    force: { kind: "boolean", short: "f", help: "Accepted for Docker's sake: varve does not ask" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags, signal }) {
    const { admits } = await pruneFilters(flags.filter);
    const { containers } = await app.engine();
    const pruned = await containers.prune({
      only: ({ Created, Config }) => admits({ created: Date.parse(Created), labels: Config.Labels ?? {} }),
      remove: (id) => containers.remove(id),
      signal,
    });
    const { removed, spaceReclaimed } = pruned;
    result(app, pruned, [
      ...(removed.length > 0 ? ["Deleted Containers:", ...removed, ""] : []),
      `Total reclaimed space: ${humanSize(spaceReclaimed, 4)}`,
    ]);
  },
});
