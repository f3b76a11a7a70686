/** A program with a few commands shaped like Docker's, for tests of the command line toolkit. */
import { commandsFor, type Program } from "../../src/cli/kit/index.ts";
import { Failure } from "../../src/errors.ts";

export interface App {
  readonly calls: unknown[];
}

export const command = commandsFor<App>();

const pull = command({
  path: ["pull"],
  aliases: [["image", "pull"]],
  section: "Common Commands",
  usage: "[OPTIONS] NAME[:TAG|@DIGEST]",
  summary: "Download an image from a registry",
  examples: [
    { text: "The newest of a tag", command: "varve pull alpine:3.20" },
    { text: "Another platform", command: "varve pull --platform linux/arm64 alpine" },
  ],
  flags: {
    "all-tags": { kind: "boolean", short: "a", help: "Download all tagged images in the repository" },
    "disable-content-trust": { kind: "boolean", default: true, help: "Skip image verification" },
    platform: { kind: "string", help: "Set platform if server is multi-platform capable" },
    quiet: { kind: "boolean", short: "q", help: "Suppress verbose output" },
  },
  args: { min: 1, max: 1, name: "NAME" },
  complete: "image",
  async run({ flags, args, app, given }) {
    // The types come from the table: these lines would not compile otherwise.
    const platform: string | undefined = flags.platform;
    const quiet: boolean = flags.quiet;
    app.calls.push({ platform, quiet, args, given: [...given] });
  },
});

const run = command({
  path: ["run"],
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create and run a new container from an image",
  flags: {
    env: { kind: "list", short: "e", help: "Set environment variables" },
    interactive: { kind: "boolean", short: "i", help: "Keep STDIN open" },
    network: { kind: "string", values: ["none", "host"], default: "none", help: "Network of the container" },
    rm: { kind: "boolean", help: "Remove the container when it exits" },
    detach: { kind: "boolean", short: "d", help: "Run in the background" },
    volume: { kind: "list", short: "v", complete: "directory", help: "Bind mount a volume" },
  },
  args: { min: 1, name: "IMAGE" },
  stopAtFirst: true,
  exclusive: [["interactive", "detach"]],
  complete: (position) => (position === 0 ? "image" : "file"),
  failureCode: 125,
  async run({ args }) {
    if (args[0] === "engine-fault") throw new Failure("not-found", "no such image: engine-fault");
    return args[0] === "exits" ? Number(args[1]) : 0;
  },
});

const df = command({
  path: ["system", "df"],
  usage: "[OPTIONS]",
  summary: "Show disk usage",
  flags: { verbose: { kind: "boolean", short: "v", help: "Show all" } },
  args: { min: 0, max: 0 },
  async run() {},
});

const tag = command({
  path: ["tag"],
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
  flags: {},
  args: { min: 2, max: 2 },
  complete: "image",
  async run() {},
});

const save = command({
  path: ["save"],
  usage: "[OPTIONS] IMAGE",
  summary: "Save an image",
  flags: {
    output: { kind: "string", short: "o", complete: "file", required: true, help: "Write to a file" },
  },
  args: { min: 0, max: 3 },
  hidden: true,
  async run() {
    throw new Error("broken");
  },
});

export const program: Program<App> = {
  name: "varve",
  summary: "Layered images",
  version: "varve version 0.1.0",
  globals: {
    root: { kind: "string", env: "VARVE_ROOT", default: "/data", complete: "directory", help: "Data root" },
    debug: { kind: "boolean", help: "Enable debug mode" },
  },
  commands: [pull, run, df, tag, save],
  groups: { system: { summary: "Manage varve" }, image: { summary: "Manage images" } },
  sections: ["Common Commands", "Management Commands"],
};
