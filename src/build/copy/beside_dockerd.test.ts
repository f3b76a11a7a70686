/** Each case is built by dockerd's classic builder and by us on the same image from the same directory. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { after, before, suite, test } from "node:test";
import { dockerdSkip, startDockerd } from "../../../test/suites/dockerd.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { collect, fromBytes, fromFile } from "../../bytes/index.ts";
import { packTar, readTar } from "../../tar/index.ts";
import { openDirectorySource, type SourceTree } from "../source/index.ts";
import { branchOf, dir, entriesOf, linesOf, treeOf, viewOf } from "./copy_fixture.ts";
import { base, type Case, copies, failures, writeContext } from "./docker_cases_fixture.ts";
import { planCopy } from "./plan_copy.ts";
import type { CopyRequest } from "./types.ts";

const { signal } = new AbortController();
function requestOf(line: string, workingDir: string): CopyRequest & { from?: string } {
  // The parser takes a backslash away before a wildcard is looked for.
  const [kind = "", ...words] = line.replaceAll("\\", "").split(" ");
  const flag = (name: string): string | undefined =>
    words.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const paths = words.filter((word) => !word.startsWith("--"));
  const chown = flag("chown");
  const from = flag("from");
  return {
    kind: kind === "ADD" ? "add" : "copy",
    sources: paths.slice(0, -1),
    files: [],
    destination: paths.at(-1) ?? "",
    workingDir,
    ...(chown !== undefined && { chown }),
    ...(from !== undefined && { from }),
    exclude: [],
    parents: false,
    link: false,
    classic: true,
  };
}

const directory = scratch("copy");
after(() => directory[Symbol.dispose]());
const context = join(directory.path, "context");
let tree: SourceTree;
let docker: Awaited<ReturnType<typeof startDockerd>>;
/** What dockerd's layers hold, in the order of the cases. */
let layers: readonly string[][] = [];

const caseOf = (given: (typeof copies)[number]): Case =>
  typeof given === "string" ? { line: given } : given;

/** What dockerd's builder says; without a word of success. */
function build(dockerfile: string): string {
  const path = join(directory.path, "Dockerfile");
  fs.writeFileSync(path, dockerfile);
  const env = { ...process.env, DOCKER_BUILDKIT: "0" };
  const args = ["-H", `unix://${directory.path}/s`, "build", "--no-cache", "-f", path, context];
  return execFileSync("docker", args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function refusal(line: string): string {
  try {
    build(`FROM base\n${line}\n`);
    return "";
  } catch (error) {
    // The client says first that the builder is deprecated.
    const lines = (error as { stderr: string }).stderr.trim().split("\n");
    return (lines.at(-1) as string).replace(/\S+\/merged(?=\/)/, "");
  }
}

/** The last image of each stage. */
function imagesOf(output: string): string[] {
  const stages = output.split(/^Step \d+\/\d+ : FROM/m).slice(1);
  return stages.map((stage) => [...stage.matchAll(/^ ---> ([0-9a-f]{12})$/gm)].at(-1)?.[1] ?? "");
}

async function topLayers(images: readonly string[]): Promise<string[][]> {
  const saved = join(directory.path, "images.tar");
  docker.docker("save", "-o", saved, ...images);
  const members = new Map<string, Uint8Array>();
  const same = new Map<string, string>();
  for await (const { entry, body } of readTar(fromFile(saved))) {
    members.set(entry.path, await collect(body, 1 << 26));
    // A layer that another image has as well.
    if (entry.type === "symlink") same.set(entry.path, join(dirname(entry.path), entry.linkPath));
  }
  const manifest = JSON.parse(Buffer.from(members.get("manifest.json") ?? []).toString()) as {
    Config: string;
    Layers: string[];
  }[];
  const layerOf = (image: string): Promise<string[]> => {
    const path = manifest.find(({ Config }) => Config.startsWith(image))?.Layers.at(-1) ?? "";
    return linesOf(readTar(fromBytes(members.get(same.get(path) ?? path) ?? Buffer.alloc(0))), {
      times: true,
    });
  };
  return Promise.all(images.map(layerOf));
}

async function ours(line: string, workdir: string): Promise<string[]> {
  const request = requestOf(line, workdir);
  const made = workdir.slice(1);
  const image = made === "" || base.some(({ path }) => path === made) ? base : [...base, dir(made)];
  const source = request.from === undefined ? tree : treeOf(branchOf(...base), "base");
  const plan = await planCopy(request, source, { signal });
  return linesOf(plan.entries(viewOf(...image), { time: 1, signal }), { times: true });
}

// With hooks of its own: dockerd, started for the file, would hold up all files of this process, and fail them if it fails.
suite("COPY and ADD beside dockerd", { skip: dockerdSkip }, () => {
  before(async () => {
    fs.mkdirSync(context);
    await writeContext(context);
    tree = openDirectorySource(context);
    docker = await startDockerd(directory.path, "overlay2");
    const tar = join(directory.path, "base.tar");
    fs.writeFileSync(tar, await collect(packTar(entriesOf(base)), 1 << 20));
    docker.docker("import", tar, "base");
    const stages = copies
      .map(caseOf)
      .map(({ line, workdir = "/" }) => `FROM base\nWORKDIR ${workdir}\n${line}\n`);
    layers = await topLayers(imagesOf(build(stages.join(""))));
  });

  after(async () => {
    await docker?.[Symbol.asyncDispose]();
    tree?.[Symbol.dispose]();
  });

  for (const [index, given] of copies.entries()) {
    const { line, workdir = "/", differs } = caseOf(given);
    const why = differs === undefined ? "" : ` (but ${differs.why})`;
    const title = `B079 as dockerd: ${line}${workdir === "/" ? "" : ` in ${workdir}`}${why}`;
    test(title, async () => {
      // Files of archives come last here: the order is not compared.
      const [mine, theirs] = [await ours(line, workdir), layers[index] as string[]];
      const only = (lines: string[], others: string[]): string[] =>
        lines.filter((entry) => !others.includes(entry)).sort();
      assert.deepEqual(
        [only(mine, theirs), only(theirs, mine)],
        [differs?.ours ?? [], differs?.theirs ?? []],
      );
      assert.deepEqual([new Set(mine).size, new Set(theirs).size], [mine.length, theirs.length]);
    });
  }

  for (const given of failures) {
    const [line, words] = typeof given === "string" ? [given] : given;
    test(`B078 refused as by dockerd: ${line}`, async () => {
      const theirs = refusal(line);
      assert.match(theirs, /./);
      await assert.rejects(ours(line, "/"), ({ message }: Error) => {
        assert.equal(message, words ?? theirs);
        return true;
      });
    });
  }
});
