/** Each case is built by dockerd's classic builder and by us on the same image from the same directory. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { dockerdSkip, startDockerd } from "../../../test/suites/dockerd.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { collect, fromFile } from "../../bytes/index.ts";
import { packTar, readTar } from "../../tar/index.ts";
import { openDirectorySource, type SourceTree } from "../source/index.ts";
import { branchOf, dir, entriesOf, linesOf, treeOf, viewOf } from "./copy_fixture.ts";
import { base, type Case, copies, failures, writeContext } from "./docker_cases.ts";
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
const context = join(directory.path, "context");
let tree: SourceTree;
let docker: Awaited<ReturnType<typeof startDockerd>>;

before(
  async () => {
    if (dockerdSkip !== false) return;
    fs.mkdirSync(context);
    await writeContext(context);
    tree = openDirectorySource(context);
    docker = await startDockerd(directory.path, "overlay2");
    const tar = join(directory.path, "base.tar");
    fs.writeFileSync(tar, await collect(packTar(entriesOf(base)), 1 << 20));
    docker.docker("import", tar, "base");
  },
  { timeout: 60_000 },
);

after(async () => {
  await docker?.[Symbol.asyncDispose]();
  tree?.[Symbol.dispose]();
  directory[Symbol.dispose]();
});

/** What dockerd's builder says; the image is called `case`. */
function build(line: string, workdir: string): string {
  const dockerfile = join(directory.path, "Dockerfile");
  fs.writeFileSync(dockerfile, `FROM base\nWORKDIR ${workdir}\n${line}\n`);
  const env = { ...process.env, DOCKER_BUILDKIT: "0" };
  const args = ["-H", `unix://${directory.path}/s`, "build", "-q", "-t", "case", "-f", dockerfile, context];
  try {
    execFileSync("docker", args, { env, stdio: ["ignore", "pipe", "pipe"] });
    return "";
  } catch (error) {
    // The client says first that the builder is deprecated.
    return String((error as { stderr: Buffer }).stderr)
      .trim()
      .split("\n")
      .at(-1) as string;
  }
}

async function topLayer(): Promise<string[]> {
  const saved = join(directory.path, "case.tar");
  docker.docker("save", "-o", saved, "case");
  const members = new Map<string, Buffer>();
  for await (const { entry, body } of readTar(fromFile(saved)))
    members.set(entry.path, Buffer.from(await collect(body, 1 << 26)));
  const [manifest] = JSON.parse(String(members.get("manifest.json"))) as { Layers: string[] }[];
  const layer = members.get(manifest?.Layers.at(-1) ?? "") ?? Buffer.alloc(0);
  return linesOf(
    readTar(
      (async function* () {
        yield layer;
      })(),
    ),
    { times: true },
  );
}

async function ours(line: string, workdir: string): Promise<string[]> {
  const request = requestOf(line, workdir);
  const image = [
    ...base,
    ...(base.some(({ path }) => path === workdir.slice(1)) || workdir === "/" ? [] : [dir(workdir.slice(1))]),
  ];
  const source = request.from === undefined ? tree : treeOf(branchOf(...base), "base");
  const plan = await planCopy(request, source, { signal });
  return linesOf(plan.entries(viewOf(...image), { time: 1, signal }), { times: true });
}

for (const given of copies) {
  const { line, workdir = "/", differs }: Case = typeof given === "string" ? { line: given } : given;
  const why = differs === undefined ? "" : ` (but ${differs.why})`;
  const title = `B079 as dockerd: ${line}${workdir === "/" ? "" : ` in ${workdir}`}${why}`;
  test(title, { skip: dockerdSkip }, async () => {
    assert.equal(build(line, workdir), "");
    // Files of archives come last here: the order is not compared.
    const [mine, theirs] = [await ours(line, workdir), await topLayer()];
    const only = (lines: string[], others: string[]): string[] =>
      lines.filter((entry) => !others.includes(entry)).sort();
    assert.deepEqual([only(mine, theirs), only(theirs, mine)], [differs?.ours ?? [], differs?.theirs ?? []]);
    assert.deepEqual([new Set(mine).size, new Set(theirs).size], [mine.length, theirs.length]);
  });
}

for (const given of failures) {
  const [line, words] = typeof given === "string" ? [given] : given;
  test(`B078 refused as by dockerd: ${line}`, { skip: dockerdSkip }, async () => {
    const theirs = build(line, "/").replace(/\S+\/merged(?=\/)/, "");
    assert.match(theirs, /./);
    await assert.rejects(ours(line, "/"), ({ message }: Error) => {
      assert.equal(message, words ?? theirs);
      return true;
    });
  });
}
