/** `varve push`: behaviours section 7. */
import { Failure } from "../../errors.ts";
import {
  familiarName,
  familiarReference,
  parseReference,
  withDefaultTag,
  type Reference,
} from "../../oci/index.ts";
import { command, line, type App } from "../app.ts";
import { withProgress } from "../with_progress.ts";
import { contentTrust, refusedFlag } from "../refused_flag.ts";

export const push = command({
  path: ["push"],
  aliases: [["image", "push"]],
  section: "Registries",
  usage: "[OPTIONS] NAME[:TAG]",
  summary: "Upload an image to a registry",
  details: "Layers that the registry has already, also in another repository, are not sent again.",
  examples: [
    {
      text: "To a registry on this machine",
      command: "varve tag app:1 127.0.0.1:5000/app:1 && varve push 127.0.0.1:5000/app:1",
    },
  ],
  flags: {
    "all-tags": { kind: "boolean", short: "a", help: "Push all tags of the repository" },
    "disable-content-trust": contentTrust,
    quiet: { kind: "boolean", short: "q", help: "Suppress progress output" },
    platform: refusedFlag("an image has one platform here"),
  },
  args: { min: 1, max: 1, name: "NAME[:TAG]" },
  complete: "image",
  async run({ app, flags, args, signal }) {
    const engine = await app.engine();
    for (const name of await namesToPush(app, args[0] as string, flags["all-tags"])) {
      const pushed = await withProgress(app, flags.quiet, (report) =>
        engine.images.push(name, { signal, ...(report !== undefined && { report }) }),
      );
      if (app.json) line(app, JSON.stringify({ Tag: name.tag, Digest: pushed.digest, Size: pushed.size }));
      else if (flags.quiet) line(app, familiarReference(name));
    }
  },
});

async function namesToPush(app: App, text: string, all: boolean): Promise<Reference[]> {
  const name = parseReference(text);
  if (name.digest !== undefined) throw new Failure("invalid", "cannot push a digest reference");
  if (!all) return [withDefaultTag(name)];
  if (name.tag !== undefined) throw new Failure("invalid", "tag can't be used with --all-tags/-a");
  const images = await (await app.engine()).images.list({ reference: familiarName(name) });
  const names = images.flatMap((image) => image.repoTags.map(parseReference));
  if (names.length > 0) return names.sort((a, b) => ((a.tag ?? "") < (b.tag ?? "") ? -1 : 1));
  throw new Failure("not-found", `An image does not exist locally with the tag: ${familiarName(name)}`);
}
