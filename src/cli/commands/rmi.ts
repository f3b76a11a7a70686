/** `varve rmi` and `varve image prune`: behaviours B090, B092, B093. */
import type { RemovedLine } from "../../engine/index.ts";
import { command, line, result } from "../app.ts";
import { humanSize } from "../kit/index.ts";
import { forEachArgument } from "../for_each_argument.ts";
import { pruneFilters } from "../prune_filters.ts";
import { refusedFlag } from "../refused_flag.ts";

export const rmi = command({
  path: ["rmi"],
  aliases: [
    ["image", "rm"],
    ["image", "remove"],
  ],
  section: "Images",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Remove one or more images",
  examples: [
    { text: "A name, and with the last name the image", command: "varve rmi app:1" },
    { text: "All images without a name", command: "varve rmi $(varve images -q --filter dangling=true)" },
  ],
  flags: {
    force: { kind: "boolean", short: "f", help: "Force removal of the image" },
    "no-prune": { kind: "boolean", help: "Do not delete untagged parents" },
    platform: refusedFlag("an image has one platform here"),
  },
  args: { min: 1, name: "IMAGE" },
  complete: "image",
  async run({ app, flags, args }) {
    const engine = await app.engine();
    const removed: RemovedLine[] = [];
    const remove = async (name: string): Promise<void> => {
      const lines = await engine.images.remove(name, { force: flags.force, noPrune: flags["no-prune"] });
      removed.push(...lines);
      if (!app.json) for (const each of lines) line(app, removedText(each));
    };
    const code = await forEachArgument(app, args, remove, { missingIsFine: flags.force });
    if (app.json) line(app, JSON.stringify(removed, null, 2));
    return code;
  },
});

export const imagePrune = command({
  path: ["image", "prune"],
  section: "Images",
  usage: "[OPTIONS]",
  summary: "Remove unused images",
  examples: [{ text: "Images without a name", command: "varve image prune" }],
  flags: {
    all: {
      kind: "boolean",
      short: "a",
      help: "Remove all images without a container, not just dangling ones",
    },
    filter: {
      kind: "list",
      type: "filter",
      help: "Only what matches: until=TIMESTAMP, label=KEY[=VALUE], label!=KEY[=VALUE]",
    },
    force: { kind: "boolean", short: "f", help: "Accepted for Docker's sake: varve does not ask" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags }) {
    const { admits } = await pruneFilters(flags.filter);
    const pruned = await (await app.engine()).images.prune({ all: flags.all, only: admits });
    const lines = pruned.removed.map((each) =>
      removedText(each).replace(/^(Untagged|Deleted)/, (word) => word.toLowerCase()),
    );
    result(app, pruned, [
      ...(lines.length > 0 ? ["Deleted Images:", ...lines, ""] : []),
      `Total reclaimed space: ${humanSize(pruned.spaceReclaimed, 4)}`,
    ]);
  },
});

export function removedText(each: RemovedLine): string {
  return "Untagged" in each ? `Untagged: ${each.Untagged}` : `Deleted: ${each.Deleted}`;
}
