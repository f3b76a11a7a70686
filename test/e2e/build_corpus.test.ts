/** Each case of test/fixtures/dockerfiles/build, built by varve and by a peer: the same tree, config and history. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { fromFile } from "../../src/bytes/index.ts";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import { parseReference } from "../../src/oci/index.ts";
import { scratch, unlessAll } from "../suites/scratch.ts";
import { dockerdSkip } from "../suites/dockerd.ts";
import { assertKnown, differencesOf } from "./corpus/differences.ts";
import { dockerRunner, podmanRunner, type ForeignRunner } from "./corpus/foreign_runs.ts";
import { buildOurs, nameOfOurs, type Mode } from "./corpus/ours.ts";
import { buildahPeer, dockerdPeer, type Peer, type PeerImage } from "./corpus/peers.ts";
import { prepareContext, type PreparedCase } from "./corpus/prepare_context.ts";
import { readCases } from "./corpus/read_cases.ts";
import { startSurroundings } from "./corpus/surroundings.ts";
import { summaryOf, type Summary } from "./corpus/summary.ts";
import { changesSince, treeOfDirectory, type ImageTree } from "./corpus/tree_lines.ts";
import type { Case } from "./corpus/types.ts";
import { besideDockerdSkip, makeBase, runSkip, unless } from "./support.ts";

/** Writes expected.json anew, from the peers. */
const isRecording = process.env["VARVE_RECORD"] === "1";
const { signal } = new AbortController();
const isWhole = isRecording || unlessAll === false;
/** Without `VARVE_LIVE=all` each second. */
const cases = readCases().filter((_, index) => isWhole || index % 2 === 0);
/**
 * The peers need two minutes for all, so without `VARVE_LIVE=all` they build each eighth of these, and the others are held
 * against what they have built before.
 */
const isLive = new Set(cases.filter((_, index) => isWhole || index % 8 === 0).map(({ name }) => name));
const disposables = new AsyncDisposableStack();
const directory = disposables.use(scratch("corpus"));
const at = (...names: string[]): string => join(directory.path, ...names);

let engine: Engine;
let base: ImageTree;
let around: Awaited<ReturnType<typeof startSurroundings>>;
let dockerd: Peer | undefined;
let isOver = false;
const contexts = new Map<string, PreparedCase>();
/** Answers of the peers, each of which builds one case after the other while varve builds, too. */
const answers = new Map<string, Promise<PeerImage | string>>();
const versions = new Map<Case["peer"], string>();

before(async () => {
  if (runSkip !== false) return;
  around = disposables.use(await startSurroundings(directory.path));
  const tar = makeBase(directory.path, { id: "base" });
  base = treeOfDirectory(at("base"));
  engine = await openEngine({ root: at("ours"), driver: "overlay2" });
  await engine.images.import(fromFile(tar), {
    name: parseReference("base:1"),
    change: (config) => ({ ...config, Cmd: ["sh"] }),
    signal,
  });
  await save(["base:1"], at("base-image.tar"));
  if (dockerdSkip === false) {
    dockerd = await dockerdPeer(at("d"), at("base-image.tar"), around);
    askInTurn("dockerd", dockerd);
  }
  if (unless("buildah", "runc") === false)
    askInTurn("buildah", disposables.use(await buildahPeer(at("buildah"), at("base-image.tar"), around)));
});

after(async () => {
  isOver = true;
  // A build that hangs ends with its daemon; what buildah has begun must end before its files go.
  await dockerd?.[Symbol.asyncDispose]();
  await Promise.allSettled(answers.values());
  await disposables.disposeAsync();
});

function askInTurn(which: Case["peer"], peer: Peer): void {
  versions.set(which, peer.version);
  let last: Promise<unknown> = Promise.resolve();
  for (const given of cases.filter(({ name, peer: wanted }) => wanted === which && isLive.has(name))) {
    const answer = last.then(() => (isOver ? "" : peer.build(given, preparedOf(given))));
    answer.catch(() => undefined);
    answers.set(given.name, answer);
    last = answer.catch(() => undefined);
  }
}

/** One context for both builders, so that files that a setup.sh makes are the same. */
function preparedOf(given: Case): PreparedCase {
  const known = contexts.get(given.name) ?? prepareContext(given, at("contexts"));
  contexts.set(given.name, known);
  return known;
}

async function save(names: readonly string[], file: string): Promise<void> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await engine.images.save(names, { format: "docker", signal })) chunks.push(chunk);
  writeFileSync(file, Buffer.concat(chunks));
}

interface Recorded extends Summary {
  /** Who has built it, and which version of it. */
  readonly by: string;
}

const isScratch = (tree: ImageTree): boolean => !("bin/busybox" in tree);
const summarised = ({ raw, tree }: PeerImage, isClassic: boolean): Summary =>
  summaryOf(raw, isScratch(tree) ? tree : changesSince(base, tree), isClassic);

const modesOf = (given: Case): readonly Mode[] =>
  (given.classic ?? (given.peer === "dockerd" && given.peerFile === undefined))
    ? ["default", "classic"]
    : ["default"];

/** The peer's image: as it has made it now, else as it is recorded. */
async function expectedOf(given: Case): Promise<Summary> {
  const file = join(given.path, "expected.json");
  const by = versions.get(given.peer);
  const answer = await answers.get(given.name);
  if (by === undefined || answer === undefined) return JSON.parse(readFileSync(file, "utf8")) as Recorded;
  assert.ok(typeof answer !== "string", String(answer));
  const summary: Recorded = { by, ...summarised(answer, modesOf(given).includes("classic")) };
  if (isRecording) writeFileSync(file, `${JSON.stringify(summary, undefined, 2)}\n`);
  const recorded = JSON.parse(readFileSync(file, "utf8")) as Recorded;
  // Another version may build otherwise; it is right by itself.
  if (recorded.by === by)
    assert.deepEqual(JSON.parse(JSON.stringify(summary)), recorded, "expected.json is of another image");
  return summary;
}

for (const given of cases) {
  const bugs = (given.differences ?? []).flatMap(({ bug }) => bug ?? []);
  const title = `${given.name}: ${given.about}${bugs.map((bug) => ` (to be mended: ${bug})`).join("")}`;
  test(title, { skip: runSkip, timeout: 120_000 }, async (t) => {
    const prepared = preparedOf(given);
    if (given.fails !== undefined) {
      for (const mode of modesOf(given)) {
        await assert.rejects(buildOurs(engine, given, prepared, { mode, around }), ({ message }: Error) => {
          assert.ok(message.includes(given.fails!), message);
          return true;
        });
      }
      const answer = await answers.get(given.name);
      if (answer !== undefined) assert.equal(typeof answer, "string", "the peer builds it");
      return;
    }
    const expected = expectedOf(given);
    expected.catch(() => undefined);
    for (const mode of modesOf(given)) {
      await t.test(mode, async () => {
        const ours = summarised(
          await buildOurs(engine, given, prepared, { mode, around }),
          mode === "classic",
        );
        const differences = differencesOf(ours, await expected, mode);
        assertKnown(given, mode, differences);
      });
    }
  });
}

/** Runs what varve has built in its default mode, and compares what the containers print. */
async function runAll(t: TestContext, start: (archive: string) => Promise<ForeignRunner>): Promise<void> {
  const archive = at("built.tar");
  const runnable = cases.filter(({ name, run }) => run !== undefined && isLive.has(name));
  await save(
    runnable.map((given) => nameOfOurs(given, "default")),
    archive,
  );
  const runner = await start(archive);
  for (const given of runnable) {
    await t.test(given.name, async () => {
      assert.equal(await runner.run(nameOfOurs(given, "default"), given), given.run?.prints);
    });
  }
}

test("images run under dockerd", { skip: besideDockerdSkip, timeout: 120_000 }, (t) =>
  runAll(t, (archive) => dockerRunner(at("d"), archive)),
);

test("images run under podman", { skip: runSkip || unless("podman"), timeout: 120_000 }, (t) =>
  runAll(t, (archive) => podmanRunner(at("buildah"), archive)),
);
