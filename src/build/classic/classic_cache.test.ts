import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { dockerdSkip, startDockerd } from "../../../test/suites/dockerd.ts";
import { overlaySkip } from "../../../test/suites/overlay_skip.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import type { Instruction } from "../../dockerfile/index.ts";
import { digestOf, type ContainerConfig, type ImageConfig, type ImageId } from "../../oci/index.ts";
import { encodeConfig, openStore, type ImageDb, type Store, type StoredImage } from "../../store/index.ts";
import { ClassicCache } from "./classic_cache.ts";
import { classicImage, classicProbe, type ClassicStep } from "./classic_image.ts";
import { classicWords } from "./classic_words.ts";

interface Sketch {
  readonly parent?: ImageId;
  readonly created: string;
  readonly probe: ContainerConfig;
  readonly rows?: number;
}

function sketchImage({ parent, created, probe, rows = 1 }: Sketch): StoredImage {
  const config: ImageConfig = {
    architecture: "amd64",
    os: "linux",
    created,
    container_config: probe,
    rootfs: { type: "layers" },
    history: Array.from({ length: rows }, () => ({ empty_layer: true })),
  };
  const bytes = encodeConfig(config);
  return { id: digestOf(bytes), bytes, config, ...(parent !== undefined && { parent }) };
}

/** The part of a store that the cache reads; says which configs were read. */
function imagesOf(...all: readonly StoredImage[]): { readonly images: ImageDb; readonly read: ImageId[] } {
  const read: ImageId[] = [];
  const images: Partial<ImageDb> = {
    get: async (id) => {
      read.push(id);
      return all.find((image) => image.id === id);
    },
    list: async () => all.map(({ id }) => id),
    parents: async () =>
      new Map(all.flatMap(({ id, parent }) => (parent === undefined ? [] : [[id, parent]]))),
  };
  return { images: images as ImageDb, read };
}

const parent = digestOf("parent");
const env = { Env: ["A=1", "B=2"], Cmd: ["/bin/sh", "-c", "true"] };

test("B076 the newest of the parent's children with the same config is taken, and only children are read", async () => {
  const older = sketchImage({ parent, probe: env, created: "2026-01-02T03:04:05.5Z" });
  const newer = sketchImage({ parent, probe: env, created: "2026-01-02T03:04:05.50001Z" });
  const other = sketchImage({ parent: digestOf("other"), probe: env, created: "2027-01-01T00:00:00Z" });
  const store = imagesOf(newer, older, other);
  const found = await new ClassicCache(store).find(parent, { ...env, Hostname: "x", WorkingDir: "/y" });
  assert.equal(found?.id, newer.id);
  assert.ok(!store.read.includes(other.id));
});

test("an image that the build itself has made is found", async () => {
  const made = sketchImage({ parent, probe: env, created: "2026-01-02T03:04:05Z" });
  const store = imagesOf(made);
  const cache = new ClassicCache({ images: { ...store.images, list: async () => [] } });
  assert.equal(await cache.find(parent, env), undefined);
  await cache.add(made);
  assert.equal((await cache.find(parent, env))?.id, made.id);
});

test("on FROM scratch only an image of one row is taken: others have lost a parent that was removed", async () => {
  const orphan = sketchImage({ probe: env, rows: 2, created: "2026-01-02T03:04:05Z" });
  const first = sketchImage({ probe: env, created: "2026-01-01T00:00:00Z" });
  assert.equal((await new ClassicCache(imagesOf(orphan, first)).find(undefined, env))?.id, first.id);
  assert.equal(await new ClassicCache(imagesOf(orphan)).find(undefined, env), undefined);
});

// moby, image/cache/compare_test.go has such pairs.
const differences: readonly ContainerConfig[] = [
  { User: "nobody" },
  { Env: ["B=2", "A=1"] },
  { Env: ["A=1"] },
  { Cmd: ["/bin/sh", "-c", "false"] },
  { Entrypoint: ["x"] },
  { Labels: { a: "b" } },
  { ExposedPorts: { "80/tcp": {} } },
  { Volumes: { "/v": {} } },
  { Tty: true },
  { AttachStdout: true },
  { AttachStderr: true },
  { OpenStdin: true },
];
for (const difference of differences) {
  test(`B076 a container with ${JSON.stringify(difference)} is another`, async () => {
    const image = sketchImage({ parent, probe: env, created: "2026-01-02T03:04:05Z" });
    assert.equal(await new ClassicCache(imagesOf(image)).find(parent, { ...env, ...difference }), undefined);
  });
}

interface PlainStep {
  readonly line: string;
  readonly instruction: Instruction;
  readonly edit: Partial<ContainerConfig>;
}

const position = { line: 1, column: 1 };
const common = { text: "", span: { start: position, end: position } };
/** A Dockerfile without layers, with a value of its own in each line. */
const plainSteps = (value: string): PlainStep[] => [
  {
    line: `ENV A=${value}`,
    instruction: { ...common, kind: "env", values: [{ name: "A", value }] },
    edit: { Env: [path, `A=${value}`] },
  },
  {
    line: `LABEL l=${value}`,
    instruction: { ...common, kind: "label", values: [{ name: "l", value }] },
    edit: { Labels: { l: value } },
  },
  {
    line: "EXPOSE 80",
    instruction: { ...common, kind: "expose", ports: ["80"] },
    edit: { ExposedPorts: { "80/tcp": {} } },
  },
  {
    line: `ENTRYPOINT ["/${value}"]`,
    instruction: { ...common, kind: "entrypoint", command: { form: "exec", words: [`/${value}`] } },
    edit: { Entrypoint: [`/${value}`] },
  },
  {
    line: `CMD ["${value}"]`,
    instruction: { ...common, kind: "cmd", command: { form: "exec", words: [value] } },
    edit: { Cmd: [value] },
  },
];
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Goes through the steps as a build does; `apply` gives the image of each. */
async function walkSteps(
  steps: readonly PlainStep[],
  apply: (step: ClassicStep) => Promise<StoredImage | undefined>,
): Promise<(StoredImage | undefined)[]> {
  let config: ContainerConfig = { Env: [path] };
  let below: StoredImage | undefined;
  const images: (StoredImage | undefined)[] = [];
  for (const { instruction, edit } of steps) {
    config = { ...config, ...edit };
    below = await apply({
      kind: instruction.kind,
      parent: below,
      config,
      words: classicWords(instruction, { config }),
    });
    images.push(below);
  }
  return images;
}

async function putImage(store: Store, step: ClassicStep): Promise<StoredImage | undefined> {
  const config = classicImage(step, {
    container: "ab".repeat(32),
    created: "2026-01-02T03:04:05.123456789Z",
    architecture: "amd64",
    os: "linux",
    dockerVersion: "20.10.24",
  });
  const ids = step.parent === undefined ? {} : { parent: step.parent.id };
  return store.images.get(await store.images.put(encodeConfig(config), ids));
}

test(
  "B076 dockerd uses the cache of what is written here, and what dockerd built is found",
  { skip: dockerdSkip || overlaySkip },
  async () => {
    using directory = scratch("classic-cache");
    const build = async (steps: readonly PlainStep[]): Promise<string> => {
      await using daemon = await startDockerd(directory.path, "overlay2");
      assert.ok(daemon.root);
      return execFileSync("docker", ["-H", `unix://${directory.path}/s`, "build", "-t", "built", "-"], {
        input: ["FROM scratch", ...steps.map(({ line }) => line), ""].join("\n"),
        env: { ...process.env, DOCKER_BUILDKIT: "0", DOCKER_CONFIG: "/nonexistent-varve-test" },
        encoding: "utf8",
      });
    };
    const [theirs, ours] = [plainSteps("theirs"), plainSteps("ours")];
    assert.doesNotMatch(await build(theirs), /Using cache/);

    const { signal } = new AbortController();
    const store = await openStore({ root: `${directory.path}/root`, signal });
    const cache = new ClassicCache(store);
    const found = await walkSteps(theirs, (step) => cache.find(step.parent?.id, classicProbe(step)));
    assert.ok(found.every((image) => image !== undefined));
    await walkSteps(ours, (step) => putImage(store, step));

    const said = await build(ours);
    assert.equal(said.match(/^ ---> Using cache$/gm)?.length, ours.length, said);
  },
);
