/** `varve rm`, `diff`, `commit`: containers that exist (behaviours 5.3, B058). */
import { loadBuilder } from "../../engine/index.ts";
import { toText } from "../../byte_string.ts";
import { Failure } from "../../errors.ts";
import { parseReference, withDefaultTag } from "../../oci/index.ts";
import { command, line, result } from "../app.ts";
import { daemonIfAny } from "../daemon_client.ts";
import { pathOf } from "../engine_client/path_of.ts";
import { forEachArgument } from "../for_each_argument.ts";

export const rm = command({
  path: ["rm"],
  aliases: [["container", "rm"]],
  section: "Containers",
  daemon: "asked",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Remove one or more containers",
  examples: [{ text: "Also one that still runs", command: "varve rm -f web" }],
  flags: {
    force: { kind: "boolean", short: "f", help: "Force the removal of a running container (uses SIGKILL)" },
    link: { kind: "boolean", short: "l", help: "Remove the specified link" },
    volumes: { kind: "boolean", short: "v", help: "Remove anonymous volumes associated with the container" },
  },
  args: { min: 1, name: "CONTAINER" },
  complete: "container",
  async run({ app, flags, args, signal }) {
    const { force, link, volumes } = flags;
    if (link) {
      throw new Failure("unsupported", "rm --link: links are part of the container that was made with them", {
        hint: "'varve network disconnect' takes a container away from others.",
      });
    }
    // Those who wait for a container's end wait at the daemon.
    const client = await daemonIfAny(app);
    const remove = async (name: string): Promise<void> => {
      const path = pathOf`/containers/${name}`;
      if (client === undefined) await (await app.engine()).containers.remove(name, { force, volumes });
      else await client.json("DELETE", path, { query: { force, v: volumes }, signal });
      line(app, name);
    };
    return forEachArgument(app, args, remove, { missingIsFine: force });
  },
});

export const diff = command({
  path: ["diff"],
  aliases: [["container", "diff"]],
  section: "Containers",
  daemon: "same",
  usage: "CONTAINER",
  summary: "Show what a container changed in its root filesystem",
  details: "A: added, C: changed, D: deleted; sorted by path.",
  examples: [{ text: "What a run left behind", command: "varve diff web" }],
  flags: {},
  args: { min: 1, max: 1, name: "CONTAINER" },
  complete: "container",
  async run({ app, args, signal }) {
    const changes = await (await app.engine()).containers.diff(args[0] as string, { signal });
    const shown = changes.map(({ kind, path }) => ({ kind, path: toText(path) }));
    result(
      app,
      shown,
      shown.map(({ kind, path }) => `${kind} ${path}`),
    );
  },
});

export const commit = command({
  path: ["commit"],
  aliases: [["container", "commit"]],
  section: "Containers",
  daemon: "same",
  usage: "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
  summary: "Make an image of what a container changed",
  examples: [
    { text: "With a message for history", command: "varve commit -m 'added emacs' work repository:layer" },
    { text: "With another command", command: "varve commit -c 'CMD [\"/srv/app\"]' work app:2" },
  ],
  flags: {
    author: { kind: "string", short: "a", type: "string", help: 'Author (e.g., "Jo <jo@x>")' },
    change: {
      kind: "list",
      short: "c",
      type: "list",
      help: "Apply Dockerfile instruction to the created image",
    },
    message: { kind: "string", short: "m", type: "string", help: "Commit message" },
    pause: { kind: "boolean", short: "p", default: true, help: "Pause container during commit" },
  },
  args: { min: 1, max: 2, name: "CONTAINER" },
  complete: (position) => (position === 0 ? "container" : "image"),
  async run({ app, flags, args, signal }) {
    const [container = "", target] = args;
    const name = target === undefined ? undefined : withDefaultTag(parseReference(target));
    const { applyChanges } = await loadBuilder();
    const image = await (
      await app.engine()
    ).containers.commit(container, {
      signal,
      pause: flags.pause,
      ...(name !== undefined && { name }),
      ...(flags.author !== undefined && { author: flags.author }),
      ...(flags.message !== undefined && { message: flags.message }),
      change: (config) => applyChanges(config, flags.change),
    });
    line(app, app.json ? JSON.stringify({ Id: image.id }) : image.id);
  },
});
