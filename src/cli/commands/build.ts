/** `varve build`: behaviours section 4. */
import { loadBuilder } from "../../engine/index.ts";
import { command } from "../app.ts";
import { buildFlags } from "../build/build_flags.ts";
import type { FlagValues } from "../kit/index.ts";

export const build = command({
  path: ["build"],
  aliases: [
    ["image", "build"],
    ["builder", "build"],
    ["buildx", "build"],
  ],
  section: "Images",
  usage: "[OPTIONS] PATH | URL | -",
  summary: "Build an image from a Dockerfile",
  details:
    "PATH is a directory with the files to copy, or a tar of one; a URL leads to a tar, a Dockerfile or a git repository; " +
    "- reads a tar or a Dockerfile from standard input. Stages that the target does not need are not built, others run side " +
    "by side. A step is taken from the cache if all that it depends on is the same: contents of files, the command, its " +
    "variables and mounts, and the layers below. At the end a table says what each line costs in the image, and what could " +
    "be better. Without RUN a build needs no privilege and no mount.\n\n" +
    "With SOURCE_DATE_EPOCH set (in the environment or by --build-arg), the same Dockerfile and files give the same digests " +
    "on any day.\n\n" +
    "Flags of docker build that ask for what is so anyway are taken, too: --rm, --force-rm, --compress, --load, --builder, " +
    "--provenance=false, --sbom=false.",
  examples: [
    { text: "The Dockerfile in this directory", command: "varve build -t app:1 ." },
    {
      text: "One stage, with an argument, pushed",
      command: "varve build --target web --build-arg V=2 --push -t 127.0.0.1:5000/web .",
    },
    { text: "Only the result's files, into a directory", command: "varve build -o out ." },
    { text: "A look around where a step fails", command: "varve build --on-error=shell ." },
    { text: "All new layers as one", command: "varve build --squash -t app:1 ." },
    { text: "What could be better, without building", command: "varve build --check ." },
    { text: "A first Dockerfile for a Node project", command: "varve build --init ." },
    { text: "A Dockerfile alone", command: "varve build -t tools - < Dockerfile" },
  ],
  flags: buildFlags,
  args: { min: 1, max: 1, name: "PATH" },
  complete: "directory",
  exclusive: [
    ["quiet", "check"],
    ["init", "check"],
    ["no-cache", "no-cache-filter"],
  ],
  storeless: ({ flags }) => needsNoStore(flags),
  mountsNothing: async ({ flags, args }) => {
    const { buildNeedsMounts } = await loadBuilder();
    const { file, target } = flags;
    return !(await buildNeedsMounts({
      context: args[0] as string,
      ...(file !== undefined && { file }),
      ...(target !== undefined && { target }),
    }));
  },
  run: async (context) => (await import("../build/run_build.ts")).runBuild(context),
});

function needsNoStore(flags: FlagValues<typeof buildFlags>): boolean {
  return flags.check || flags.call === "check" || flags.init;
}
