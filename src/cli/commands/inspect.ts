/** `varve inspect`: images and containers, in Docker's shape (behaviours 5.2). */
import type { Engine } from "../../engine/index.ts";
import { Failure, isFailure } from "../../errors.ts";
import { command, type App } from "../app.ts";
import { renderInspect, reportFailure } from "../kit/index.ts";
import { refusedFlag } from "../refused_flag.ts";

type Kind = "image" | "container" | "network" | "volume";

const flags = {
  format: { kind: "string", short: "f", type: "string", help: "Format output with a Go template, or 'json'" },
  size: { kind: "boolean", short: "s", help: "Display total file sizes if the type is container" },
} as const;

export const inspect = command({
  path: ["inspect"],
  section: "Images",
  daemon: "same",
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  summary: "Show all that is known of images, containers, networks and volumes",
  examples: [
    { text: "Everything, as JSON", command: "varve inspect alpine:3.20" },
    {
      text: "Where an image's top layer lies",
      command: "varve inspect -f '{{.GraphDriver.Data.UpperDir}}' alpine:3.20",
    },
  ],
  flags: {
    ...flags,
    type: {
      kind: "string",
      type: "string",
      values: ["container", "image", "network", "volume"],
      help: "Only this kind: container, image, network, volume",
    },
  },
  args: { min: 1, name: "NAME|ID" },
  complete: "image",
  run: (context) =>
    inspectAll(
      context,
      context.flags.type ? [context.flags.type] : ["container", "image", "network", "volume"],
    ),
});

export const imageInspect = command({
  path: ["image", "inspect"],
  section: "Images",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Show all that is known of images",
  examples: [{ text: "Its layers", command: "varve image inspect -f '{{json .RootFS.Layers}}' alpine:3.20" }],
  flags: { ...flags, platform: refusedFlag("an image has one platform here") },
  args: { min: 1, name: "IMAGE" },
  complete: "image",
  run: (context) => inspectAll(context, ["image"]),
});

export const containerInspect = command({
  path: ["container", "inspect"],
  section: "Containers",
  daemon: "same",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Show all that is known of containers",
  examples: [
    {
      text: "Where its writable layer lies",
      command: "varve container inspect -f '{{.GraphDriver.Data.UpperDir}}' web",
    },
  ],
  flags,
  args: { min: 1, name: "CONTAINER" },
  complete: "container",
  run: (context) => inspectAll(context, ["container"]),
});

interface Context {
  readonly app: App;
  readonly args: readonly string[];
  readonly flags: { readonly format: string | undefined; readonly size: boolean };
}

/** Docker prints what it found before it tells what it did not find. */
async function inspectAll(
  { app, args, flags: { format, size } }: Context,
  kinds: readonly Kind[],
): Promise<number> {
  const engine = await app.engine();
  const records: unknown[] = [];
  const failures: Failure[] = [];
  for (const name of args) {
    const found = await inspectOne(engine, name, kinds, size);
    if (found instanceof Failure) failures.push(found);
    else {
      records.push(found.record);
      if (size && found.kind !== "container") app.stderr.write(`WARNING: --size ignored for ${found.kind}\n`);
    }
  }
  app.stdout.write(records.length === 0 && format === undefined ? "[]\n" : renderInspect(records, format));
  return failures.reduce((_, failure) => reportFailure(failure, app.stderr), 0);
}

async function inspectOne(
  engine: Engine,
  name: string,
  kinds: readonly Kind[],
  size: boolean,
): Promise<{ readonly kind: Kind; readonly record: object } | Failure> {
  let failure: Failure | undefined;
  for (const kind of kinds) {
    try {
      return { kind, record: await recordOf(engine, kind, name, size) };
    } catch (error) {
      if (!isFailure(error, "not-found") && !isFailure(error, "invalid")) throw error;
      failure = error;
    }
  }
  return kinds.length === 1 && failure !== undefined
    ? failure
    : new Failure("not-found", `No such object: ${name}`);
}

function recordOf(engine: Engine, kind: Kind, name: string, size: boolean): Promise<object> {
  switch (kind) {
    case "image":
      return engine.images.inspect(name);
    case "container":
      return engine.containers.inspect(name, { size });
    case "network":
      return engine.networks.inspect(name);
    case "volume":
      return engine.volumes.inspect(name);
  }
}
