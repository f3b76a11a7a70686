/** Results of builds as files: archives, root filesystems, IDs. */
import assert from "node:assert/strict";
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { tarFile, tarOf } from "../../../../test/support/tar_help.ts";
import { scratch, unlessLinux } from "../../../../test/suites/scratch.ts";
import { collect, fromBytes } from "../../../bytes/index.ts";
import { isFailure } from "../../../errors.ts";
import { hostPlatform, parseReference } from "../../../oci/index.ts";
import { serveRegistry } from "../../../registry/index.ts";
import { withSession } from "../../../store/index.ts";
import { readTar } from "../../../tar/index.ts";
import { openEngine, type Engine } from "../../engine.ts";
import type { BuildRequest } from "../types.ts";
import { parseOutput } from "../flags/parse_output.ts";
import { writeDestination } from "./write_file.ts";
import { checkOutputs, namesWanted, writeOutputs, type Built } from "./write_outputs.ts";

const skip = unlessLinux;
const { signal } = new AbortController();

const layer = tarOf([
  tarFile({ path: "bin/", type: "directory", mode: 0o755 }),
  tarFile({ path: "bin/tool", mode: 0o755, uid: 5, gid: 6 }, "tool"),
  tarFile({ path: "bin/same", type: "hardlink", linkPath: "bin/tool", mode: 0o755, uid: 5, gid: 6 }),
  tarFile({ path: "link", type: "symlink", linkPath: "/bin/tool" }),
]);

interface Sample {
  readonly engine: Engine;
  readonly directory: string;
  readonly built: Built;
}

async function withImage(body: (sample: Sample) => Promise<void>): Promise<void> {
  using root = scratch("outputs");
  const engine = await openEngine({ root: join(root.path, "root"), driver: "erofs" });
  const name = parseReference("app:1");
  const image = await engine.images.import(fromBytes(layer), { name, signal });
  await body({
    engine,
    directory: root.path,
    built: { image, platform: hostPlatform(), isOneOfMany: false, names: [name] },
  });
}

const parts = (engine: Engine) => ({
  store: engine.store,
  images: engine.images,
  remote: () => engine.remote(),
});

function write({ engine, built }: Sample, request: Partial<BuildRequest>): Promise<void> {
  return withSession(engine.store, (session) =>
    writeOutputs({ ...parts(engine), session }, { context: ".", signal, ...request }, built),
  );
}

async function namesIn(tar: AsyncIterable<Uint8Array>): Promise<string[]> {
  const names: string[] = [];
  for await (const { entry } of readTar(tar))
    names.push(`${entry.path} ${entry.type} ${entry.uid}:${entry.gid}`);
  return names;
}

const rootNames = ["bin/ directory 0:0", "bin/same file 5:6", "bin/tool hardlink 5:6", "link symlink 0:0"];

test("the root filesystem as a tar, into a file and onto standard output", { skip }, () =>
  withImage(async (sample) => {
    const dest = join(sample.directory, "root.tar");
    writeFileSync(dest, "older");
    await write(sample, { outputs: [{ type: "tar", dest }] });
    assert.deepEqual(await namesIn(fromBytes(readFileSync(dest))), rootNames);
    let piped: Uint8Array = new Uint8Array();
    const stdout = async (bytes: AsyncIterable<Uint8Array>): Promise<void> =>
      void (piped = await collect(bytes, 1 << 20));
    await write(sample, { outputs: [parseOutput("-")], stdout });
    assert.ok(readFileSync(dest).equals(piped));
    assert.deepEqual(readdirSync(sample.directory).sort(), ["root", "root.tar"]);
  }),
);

test("files in a directory: over what is there, and never out of it", { skip }, () =>
  withImage(async (sample) => {
    const dest = join(sample.directory, "out");
    const outside = join(sample.directory, "outside");
    for (const path of [dest, outside]) mkdirSync(path);
    writeFileSync(join(dest, "kept"), "kept");
    writeFileSync(join(dest, "link"), "replaced");
    symlinkSync(outside, join(dest, "bin"));
    await write(sample, { outputs: [{ type: "local", dest }] });
    assert.deepEqual(readdirSync(dest).sort(), ["bin", "kept", "link"]);
    assert.deepEqual(readdirSync(outside), []);
    assert.equal(readlinkSync(join(dest, "link")), "/bin/tool");
    const [tool, same] = ["tool", "same"].map((name) => lstatSync(join(dest, "bin", name)));
    assert.equal(tool?.ino, same?.ino);
    assert.deepEqual([tool?.uid, (tool?.mode ?? 0) & 0o777], [process.geteuid?.(), 0o755]);
  }),
);

test("archives are loaded again with the names that they were given", { skip }, () =>
  withImage(async (sample) => {
    for (const type of ["docker", "oci"] as const) {
      const dest = join(sample.directory, `${type}.tar`);
      await write(sample, { outputs: [parseOutput(`type=${type},name=other:${type},dest=${dest}`)] });
      const [loaded] = await sample.engine.images.load(dest, { signal });
      assert.equal(loaded?.imageId, sample.built.image.id);
      assert.equal((await sample.engine.images.resolve(`other:${type}`)).id, loaded?.imageId);
    }
  }),
);

test("push, and the files about the image", { skip }, () =>
  withImage(async (sample) => {
    await using registry = await serveRegistry({ storage: "memory" });
    const { image } = sample.built;
    const name = parseReference(`${registry.address}/app:1`);
    await sample.engine.store.names.set(name, image.id);
    const [iidFile, metadataFile] = ["iid", "meta.json"].map((file) => join(sample.directory, file)) as [
      string,
      string,
    ];
    const described = { ...sample, built: { ...sample.built, names: [name] } };
    await write(described, { outputs: [{ type: "image", names: [], push: true }], iidFile, metadataFile });
    assert.equal(readFileSync(iidFile, "utf8"), image.id);
    const metadata = JSON.parse(readFileSync(metadataFile, "utf8")) as Record<string, unknown>;
    const { digest } = await (await sample.engine.remote()).head(name, { signal });
    assert.equal(metadata["containerimage.digest"], digest);
    assert.equal(metadata["containerimage.config.digest"], image.id);
    assert.equal(metadata["image.name"], `${registry.address}/app:1`);
    assert.deepEqual(Object.keys(metadata["containerimage.descriptor"] as object), [
      "mediaType",
      "digest",
      "size",
      "platform",
    ]);
    (await sample.engine.remote()).close();
  }),
);

test("what cannot succeed is refused before anything is built", () => {
  const name = parseReference("a:1");
  const check =
    (request: Partial<BuildRequest>, names = [name]) =>
    () =>
      checkOutputs({ context: ".", signal, ...request }, names);
  assert.throws(check({ push: true }, []), /^Failure: tag is needed when pushing to registry$/);
  for (const output of ["-", "type=oci"])
    assert.throws(
      check({ outputs: [parseOutput(output)] }),
      /^Failure: dest file is required for (tar|oci) exporter/,
    );
  const stdout = async (): Promise<void> => undefined;
  assert.throws(
    check({ outputs: [parseOutput("-"), parseOutput("type=oci,dest=-")], stdout }),
    /only one output/,
  );
  const platforms = [hostPlatform(), { os: "linux", architecture: "arm64" }];
  assert.throws(check({ platforms }), (error) => isFailure(error, "unsupported"));
  assert.doesNotThrow(check({ platforms, outputs: [parseOutput("dir")] }));
  const wanted = namesWanted(
    [name],
    [parseOutput('type=image,"name=a:1,b"'), parseOutput("type=oci,name=c,dest=f")],
  );
  assert.deepEqual(
    wanted.map(({ path, tag }) => `${path}:${tag}`),
    ["library/a:1", "library/b:latest"],
  );
});

test("two results into one file: one of them is there, whole", async () => {
  using directory = scratch("write-destination");
  const path = join(directory.path, "out");
  const slow = async function* (text: string): AsyncGenerator<Uint8Array> {
    for (const letter of text) yield await Promise.resolve(Buffer.from(letter));
  };
  const options = { stdout: async () => assert.fail("nothing goes there"), signal };
  await Promise.all(["first", "second"].map((text) => writeDestination(path, slow(text), options)));
  assert.match(readFileSync(path, "utf8"), /^(first|second)$/);
  assert.deepEqual(readdirSync(directory.path), ["out"]);
});
