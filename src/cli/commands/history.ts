/** `varve history`: behaviours 5.1. */
import type { HistoryLine } from "../../engine/index.ts";
import { shortId } from "../../oci/index.ts";
import { command, list, listFlags } from "../app.ts";
import { ellipsis, humanAge, humanSize } from "../kit/index.ts";
import { rfc3339 } from "../go_date.ts";
import { refusedFlag } from "../refused_flag.ts";

const headers = { ID: "IMAGE", CreatedSince: "CREATED" };

export const history = command({
  path: ["history"],
  aliases: [["image", "history"]],
  section: "Images",
  usage: "[OPTIONS] IMAGE",
  summary: "Show the history of an image",
  examples: [
    { text: "What each step added", command: "varve history alpine:3.20" },
    { text: "Whole commands, sizes in bytes", command: "varve history --no-trunc -H=false alpine:3.20" },
  ],
  flags: {
    ...listFlags,
    human: {
      kind: "boolean",
      short: "H",
      default: true,
      help: "Print sizes and dates in human readable format",
    },
    platform: refusedFlag("an image has one platform here"),
  },
  args: { min: 1, max: 1, name: "IMAGE" },
  complete: "image",
  async run({ app, flags, args }) {
    const lines = await (await app.engine()).images.history(args[0] as string);
    const created = flags.human ? "CreatedSince" : "CreatedAt";
    const rows = lines.map((each) => rowOf(each, flags.human, flags["no-trunc"]));
    list(
      app,
      rows,
      { headers, table: `{{.ID}}\t{{.${created}}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}` },
      flags,
    );
  },
});

function rowOf(each: HistoryLine, human: boolean, full: boolean) {
  const created = Date.parse(each.created ?? "");
  const known = !Number.isNaN(created);
  const createdBy = each.createdBy.replaceAll("\t", " ");
  return {
    Comment: each.comment,
    CreatedAt: known ? rfc3339(created) : "",
    CreatedBy: full ? createdBy : ellipsis(createdBy, 45),
    CreatedSince: known ? humanAge(created, Date.now()) : "",
    ID: each.id === undefined ? "<missing>" : full ? each.id : shortId(each.id),
    Size: human ? humanSize(each.size) : String(each.size),
  };
}
