/** `varve tree`: the forest of all images (behaviours B055). */
import type { ForestNode } from "../../engine/index.ts";
import { shortId } from "../../oci/index.ts";
import { command, line } from "../app.ts";
import { humanSize } from "../kit/index.ts";

export const tree = command({
  path: ["tree"],
  aliases: [["image", "tree"]],
  section: "Images",
  usage: "[OPTIONS]",
  summary: "Show images as a forest: which image stands on which",
  details:
    "A child is built on its parent: either the store recorded so when it was built or committed here, or its layers " +
    "begin with the parent's (marked ~). Sizes: in all, of it shared with other images, and what removing this image " +
    "alone would free.",
  examples: [{ text: "All images with the bytes that each one adds", command: "varve tree" }],
  flags: { "no-trunc": { kind: "boolean", help: "Don't truncate IDs" } },
  args: { min: 0, max: 0 },
  async run({ app, flags }) {
    const forest = await (await app.engine()).images.tree();
    if (app.json) line(app, JSON.stringify(forest, null, 2));
    else for (const root of forest) for (const text of drawn(root, flags["no-trunc"])) line(app, text);
  },
});

/** The node and below it its children, each behind a branch. */
function drawn(node: ForestNode, full: boolean): string[] {
  const text = [describe(node, full)];
  for (const [index, child] of node.children.entries()) {
    const last = index === node.children.length - 1;
    const [head, ...rest] = drawn(child, full) as [string, ...string[]];
    text.push(`${last ? "└─" : "├─"} ${head}`, ...rest.map((below) => `${last ? "  " : "│ "} ${below}`));
  }
  return text;
}

function describe(node: ForestNode, full: boolean): string {
  const id = full ? node.id : shortId(node.id);
  const names = node.tags.length > 0 ? ` ${node.tags.join(", ")}` : " <none>";
  const derived = node.ancestry === "derived" ? " ~" : "";
  const layers = `${node.layers} layer${node.layers === 1 ? "" : "s"}`;
  const sizes = `${humanSize(node.size)}, shared ${humanSize(node.shared)}, own ${humanSize(node.own)}`;
  return `${id}${names}${derived}  (${layers}, ${sizes})`;
}
