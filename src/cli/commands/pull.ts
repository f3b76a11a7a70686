/** `varve pull`: behaviours section 6. */
import type { PullResult } from "../../engine/index.ts";
import {
  familiarReference,
  formatReference,
  parsePlatform,
  parseReference,
  type Reference,
} from "../../oci/index.ts";
import { Failure } from "../../errors.ts";
import { command, line, type App } from "../app.ts";
import { withProgress } from "../with_progress.ts";
import { contentTrust } from "../refused_flag.ts";

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
    "all-tags": { kind: "boolean", short: "a", help: "Download all tagged images in the repository" },
    "disable-content-trust": contentTrust,
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
    const isOne = asked.tag !== undefined || asked.digest !== undefined;
    if (isOne && flags["all-tags"]) throw new Failure("invalid", "tag can't be used with --all-tags/-a");
    if (!isOne && !flags["all-tags"] && !flags.quiet && !app.json) line(app, "Using default tag: latest");
    const engine = await app.engine();
    for (const wanted of flags["all-tags"] ? await allOf(app, asked, signal) : [text]) {
      const pulled = await withProgress(app, flags.quiet, (report) =>
        engine.images.pull(wanted, {
          signal,
          ...(report !== undefined && { report }),
          ...(flags.platform !== undefined && { platform: parsePlatform(flags.platform) }),
        }),
      );
      tell(app, pulled, flags.quiet);
    }
  },
});

/** The names of all images of a repository. */
async function allOf(app: App, repository: Reference, signal: AbortSignal): Promise<string[]> {
  const remote = await (await app.engine()).remote();
  const tags = await remote.tags(repository, { signal });
  return tags.map((tag) => formatReference({ ...repository, tag }));
}

function tell(app: App, pulled: PullResult, quiet: boolean): void {
  const name = formatReference(pulled.name);
  if (app.json) line(app, JSON.stringify({ ...pulled, name }));
  else for (const each of [...(quiet ? [] : pullSummary(pulled)), name]) line(app, each);
}

/** The lines that end a pull on the terminal (behaviours B123). */
function pullSummary(pulled: PullResult): string[] {
  const status = pulled.upToDate ? "Image is up to date" : "Downloaded newer image";
  return [`Digest: ${pulled.digest}`, `Status: ${status} for ${familiarReference(pulled.name)}`];
}
