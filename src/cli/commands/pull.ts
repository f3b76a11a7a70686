/** `varve pull`: behaviours section 6. */
import type { PullResult } from "../../engine/index.ts";
import { familiarReference, formatReference, parsePlatform, parseReference } from "../../oci/index.ts";
import { command, line } from "../app.ts";
import { withProgress } from "../with_progress.ts";

export const pull = command({
  path: ["pull"],
  aliases: [["image", "pull"]],
  section: "Registries",
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  summary: "Download an image from a registry",
  details:
    "Layers that are here already are not fetched. A pull that was interrupted, in whatever way, goes on where it " +
    "stopped when it is run again.",
  examples: [
    { text: "The latest alpine from Docker Hub", command: "varve pull alpine" },
    {
      text: "For another platform, from a registry on this machine",
      command: "varve pull --platform linux/arm64 127.0.0.1:5000/app:1.2",
    },
  ],
  flags: {
    platform: {
      kind: "string",
      type: "string",
      help: "Platform to choose from a multi-platform image (os/arch[/variant])",
    },
    quiet: { kind: "boolean", short: "q", help: "Suppress progress output" },
  },
  args: { min: 1, max: 1, name: "NAME" },
  complete: "image",
  async run({ app, flags, args, signal }) {
    const text = args[0] as string;
    const asked = parseReference(text);
    if (asked.tag === undefined && asked.digest === undefined && !flags.quiet && !app.json) {
      line(app, "Using default tag: latest");
    }
    const engine = await app.engine();
    const pulled = await withProgress(app, flags.quiet, (report) =>
      engine.images.pull(text, {
        signal,
        ...(report !== undefined && { report }),
        ...(flags.platform !== undefined && { platform: parsePlatform(flags.platform) }),
      }),
    );
    const name = formatReference(pulled.name);
    if (app.json) line(app, JSON.stringify({ ...pulled, name }));
    else for (const each of [...(flags.quiet ? [] : pullSummary(pulled)), name]) line(app, each);
  },
});

/** The lines that end a pull on the terminal (behaviours B123). */
function pullSummary(pulled: PullResult): string[] {
  const status = pulled.upToDate ? "Image is up to date" : "Downloaded newer image";
  return [`Digest: ${pulled.digest}`, `Status: ${status} for ${familiarReference(pulled.name)}`];
}
