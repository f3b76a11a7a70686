/** `varve save`, `load`, `import`, `export`: images and containers as tar archives (behaviours 5.4, 5.5). */
import { createWriteStream, existsSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { Failure } from "../../errors.ts";
import { familiarReference, parsePlatform, parseReference, withDefaultTag } from "../../oci/index.ts";
import { loadBuilder } from "../../engine/index.ts";
import { command, line, type App } from "../app.ts";
import { importSource } from "../import_source.ts";
import { withProgress } from "../with_progress.ts";
import { refusedFlag } from "../refused_flag.ts";

export const save = command({
  path: ["save"],
  aliases: [["image", "save"]],
  section: "Archives",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Write images to a tar archive (standard output by default)",
  details:
    "The archive is an OCI layout that every Docker since 1.10 reads as well. `--format docker` writes the form of " +
    "Docker 1.10 to 24, with the layer directories of older versions inside.",
  examples: [
    { text: "To a file", command: "varve save -o app.tar app:1" },
    { text: "Straight into another engine", command: "varve save app:1 | docker load" },
  ],
  flags: {
    output: {
      kind: "string",
      short: "o",
      type: "string",
      complete: "file",
      help: "Write to a file, instead of STDOUT",
    },
    format: {
      kind: "string",
      type: "string",
      values: ["oci", "docker", "v1"],
      default: "oci",
      help: "Archive format: oci, or docker (also v1) for older engines",
    },
    platform: refusedFlag("an image has one platform here"),
  },
  args: { min: 1, name: "IMAGE" },
  complete: "image",
  async run({ app, flags, args, signal }) {
    if (flags.output === undefined) refuseTerminal(app, "save");
    else checkOutput(flags.output, "save image");
    const format = flags.format === "oci" ? "oci" : "docker";
    const bytes = await (await app.engine()).images.save(args, { format, signal });
    await writeOut(app, bytes, flags.output, signal);
  },
});

export const load = command({
  path: ["load"],
  aliases: [["image", "load"]],
  section: "Archives",
  usage: "[OPTIONS]",
  summary: "Load images from a tar archive (standard input by default)",
  details:
    "Reads `docker save` archives of all generations and OCI layouts; gzip, bzip2, xz or zstd around them.",
  examples: [
    { text: "From a file", command: "varve load -i app.tar.zst" },
    { text: "From another engine", command: "docker save app:1 | varve load" },
  ],
  flags: {
    input: {
      kind: "string",
      short: "i",
      type: "string",
      complete: "file",
      help: "Read from a file, instead of STDIN",
    },
    platform: refusedFlag("the platform of this machine is loaded, or the only one of an image"),
    quiet: { kind: "boolean", short: "q", help: "Suppress the load output" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags, signal }) {
    if (flags.input === undefined && app.stdin.isTTY === true) {
      throw new Failure("invalid", "requested load from stdin, but stdin is empty", {
        hint: "give a file with -i",
      });
    }
    const engine = await app.engine();
    const loaded = await withProgress(app, flags.quiet, (report) =>
      engine.images.load(flags.input ?? app.stdin, { signal, ...(report !== undefined && { report }) }),
    );
    for (const { imageId, names, moved } of loaded) {
      if (app.json) line(app, JSON.stringify({ Id: imageId, Names: names.map(familiarReference) }));
      else {
        for (const { name, from } of moved) {
          line(
            app,
            `The image ${familiarReference(name)} already exists, renaming the old one with ID ${from} to empty string`,
          );
        }
        for (const name of names) line(app, `Loaded image: ${familiarReference(name)}`);
        if (names.length === 0) line(app, `Loaded image ID: ${imageId}`);
      }
    }
  },
});

export const importCommand = command({
  path: ["import"],
  aliases: [["image", "import"]],
  section: "Archives",
  usage: "[OPTIONS] FILE|URL|- [REPOSITORY[:TAG]]",
  summary: "Make an image of one layer from a root filesystem's tar",
  examples: [
    {
      text: "A base image from a distribution's root filesystem",
      command: "varve import alpine-minirootfs.tar.gz alpine:3.20",
    },
    { text: "With a command to run", command: "varve import -c 'CMD [\"/bin/sh\"]' rootfs.tar base:1" },
  ],
  flags: {
    change: {
      kind: "list",
      short: "c",
      type: "list",
      help: "Apply Dockerfile instruction to the created image",
    },
    message: { kind: "string", short: "m", type: "string", help: "Set commit message for imported image" },
    platform: {
      kind: "string",
      type: "string",
      help: "Set platform if the image is for another one (os/arch[/variant])",
    },
  },
  args: { min: 1, max: 2, name: "FILE" },
  complete: (position) => (position === 0 ? "file" : "image"),
  async run({ app, flags, args, signal }) {
    const [given = "-", target] = args;
    const name = target === undefined ? undefined : withDefaultTag(parseReference(target));
    const source = await importSource(given, app.stdin, { signal });
    const { images } = await app.engine();
    const { applyChanges } = await loadBuilder();
    const image = await images.import(source.bytes, {
      signal,
      ...(name !== undefined && { name }),
      message: flags.message ?? `Imported from ${source.name}`,
      ...(flags.platform !== undefined && { platform: parsePlatform(flags.platform) }),
      change: (config) => applyChanges(config, flags.change),
    });
    line(app, app.json ? JSON.stringify({ Id: image.id }) : image.id);
  },
});

export const exportCommand = command({
  path: ["export"],
  aliases: [["container", "export"]],
  section: "Archives",
  daemon: "same",
  usage: "[OPTIONS] CONTAINER",
  summary: "Write a container's whole root filesystem as a tar",
  examples: [
    { text: "One flat image of many layers", command: "varve export web | varve import - web:flat" },
  ],
  flags: {
    output: {
      kind: "string",
      short: "o",
      type: "string",
      complete: "file",
      help: "Write to a file, instead of STDOUT",
    },
  },
  args: { min: 1, max: 1, name: "CONTAINER" },
  complete: "container",
  async run({ app, flags, args, signal }) {
    if (flags.output === undefined) refuseTerminal(app, "export");
    else checkOutput(flags.output, "export container");
    const bytes = await (await app.engine()).containers.export(args[0] as string, { signal });
    await writeOut(app, bytes, flags.output, signal);
  },
});

function refuseTerminal(app: App, verb: string): void {
  if (!app.stdout.isTTY) return;
  throw new Failure("invalid", "cowardly refusing to save to a terminal. Use the -o flag or redirect", {
    hint: `varve ${verb} -o FILE ...`,
  });
}

/** Said before the work, in the words of docker/cli (command.ValidateOutputPath). */
function checkOutput(path: string, what: string): void {
  const directory = dirname(path);
  if (existsSync(directory)) return;
  const why = `invalid output path: stat ${directory}: no such file or directory`;
  throw new Failure("not-found", `failed to ${what}: ${why}`);
}

/** A file appears whole or not at all. */
async function writeOut(
  app: App,
  bytes: AsyncIterable<Uint8Array>,
  path: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (path === undefined) return pipeline(bytes, app.stdout, { signal, end: false });
  const beside = `${path}.part-${process.pid}`;
  try {
    await pipeline(bytes, createWriteStream(beside, { mode: 0o600, flush: true }), { signal });
    await rename(beside, path);
  } finally {
    await rm(beside, { force: true });
  }
}
