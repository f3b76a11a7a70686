/** `varve explain`: the words behind it all (behaviours B018, B019, B052, B053). */
import { explain as explanationOf, explainedTopics, type Explanation } from "../../engine/index.ts";
import { command, line } from "../app.ts";

export const explain = command({
  path: ["explain"],
  section: "System",
  storeless: true,
  usage: `[${explainedTopics.join("|")}]`,
  summary: "Explain union file systems, layers and images",
  details:
    "What they are, how deleted files are marked, where the limits lie, and what is often told wrongly. For aufs, " +
    "overlay and overlay2 a simulator makes a few changes and shows what they leave in the writable layer.",
  examples: [
    { text: "What varve itself mounts", command: "varve explain overlay2" },
    { text: "What an image is, and which of its digests is which", command: "varve explain images" },
  ],
  flags: {},
  args: { min: 0, max: 1, name: "TOPIC" },
  async run({ app, args }) {
    const topics = args[0] === undefined ? explainedTopics : [args[0]];
    const explanations = topics.map((topic) => ({ topic, ...explanationOf(topic) }));
    if (app.json) line(app, JSON.stringify(args[0] === undefined ? explanations : explanations[0], null, 2));
    else if (args[0] === undefined)
      for (const { topic, title } of explanations) line(app, `${topic.padEnd(9)} ${title}`);
    else for (const text of explanations.flatMap(pageOf)) line(app, text);
  },
});

/** Columns of running text. */
const width = 100;

function pageOf(explanation: Explanation): string[] {
  const { title, text, whiteout, opaque, limits, misconceptions, demonstration = [] } = explanation;
  const page = [title, ...text.flatMap((paragraph) => ["", ...wrapped(paragraph, "")])];
  if (whiteout !== undefined) page.push("", `Whiteout  ${whiteout}`);
  if (opaque !== undefined) page.push(`Opaque    ${opaque}`);
  page.push("", "Limits", ...limits.flatMap((limit) => wrapped(limit, "  ")));
  page.push("", "Often told");
  for (const { told, so } of misconceptions) page.push(...wrapped(`"${told}": ${so}`, "  "));
  if (demonstration.length > 0) page.push("", "Simulated on an image with /etc/motd and /etc/profile");
  for (const { command, failed, upper } of demonstration) {
    page.push(`  $ ${command}${failed === undefined ? "" : `   fails: ${failed}`}`);
    page.push(
      ...(upper.length > 0 ? upper.map((path) => `      ${path}`) : ["      (the writable layer is empty)"]),
    );
  }
  return page;
}

function wrapped(text: string, indent: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines.push(`${lines.pop() as string} ${word}`);
    else lines.push((lines.length === 0 ? indent : `${indent}${indent}`) + word);
  }
  return lines;
}
