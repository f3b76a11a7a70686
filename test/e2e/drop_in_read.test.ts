/** A root that dockerd (20.10) wrote, opened by the bundled CLI: it must say of it what dockerd says, and go on there. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startDockerd } from "../suites/dockerd.ts";
import { scratch } from "../suites/scratch.ts";
import {
  assertSame,
  besideDockerdSkip,
  dockerOn,
  json,
  makeBase,
  sortLines,
  startRegistry,
  unless,
  varveOn,
  writeExamples,
  type Program,
} from "./support.ts";

/** Every way in which an image or a container comes into a root. */
async function fill(docker: Program, directory: string, registry: string): Promise<void> {
  await docker(
    "import",
    "-c",
    'CMD ["sh"]',
    "-m",
    "a <base>",
    makeBase(directory, { id: "debian" }),
    "debian:12",
  );
  await docker("import", makeBase(directory, { id: "other" }), "other");
  writeExamples(directory, "debian:12");
  await docker("build", "--network", "none", "-t", "example:a", join(directory, "A"));
  await docker("build", "--network", "none", "-t", "repository:layer", join(directory, "B"));
  const empty = 'FROM scratch\nENV X=1\nLABEL a=<b>&\nEXPOSE 80\nVOLUME /v\nENTRYPOINT ["/x"]\n';
  await buildText(docker, empty, "no-layers");
  await docker.run(["run", "--network", "none", "--name", "stopped", "repository:layer", "sh", "-c", storm]);
  await docker(
    "create",
    "--network",
    "none",
    "--name",
    "made",
    "-e",
    "A=b",
    "-l",
    "x=y",
    "example:a",
    "echo",
    "a <&> b",
  );
  await docker("run", "--network", "none", "--name", "layer", "-dit", "--rm", "repository:layer", "sh");
  await docker("commit", "-a", "Jo", "-m", "a <message>", "-c", "ENV A=b", "stopped", "committed:1");
  // The tag moves, so that the image that had it dangles.
  await docker("tag", "other", "moved");
  await docker("commit", "stopped", "dangling");
  await docker("tag", "other", "dangling");
  await docker("tag", "repository:layer", `${registry}/repository:layer`);
  await docker("push", "-q", `${registry}/repository:layer`);
  await docker("tag", "other", `${registry}/other:1`);
  await docker("push", "-q", `${registry}/other:1`);
}

/** Leaves additions, changes, deletions, an opaque directory, a hard link. */
const storm =
  "echo 4 > /data/layer/layer3; rm /data/layer/layer1; rm -r /odd/empty; mkdir /odd/empty; touch /odd/empty/in; " +
  "ln /bin/cat /bin/cat2; chmod 700 /etc/profile; mkdir -p /new/a; echo n > /new/a/b; mv /odd/one /new/one; exit 3";

async function buildText(docker: Program, dockerfile: string, tag: string): Promise<void> {
  const { code, stderr } = await docker.run(["build", "-t", tag, "-"], { input: dockerfile });
  assert.equal(code, 0, stderr);
}

const images = ["debian:12", "other", "example:a", "repository:layer", "no-layers", "committed:1"];
const containers = ["stopped", "made", "layer"];

test(
  "varve on a root that dockerd wrote",
  { skip: besideDockerdSkip || unless("docker-registry") },
  async (t) => {
    using directory = scratch("drop-in");
    await using registry = await startRegistry(directory.path);
    const name = `${registry.address}/repository:layer`;
    {
      await using daemon = await startDockerd(directory.path, "overlay2");
      const docker = dockerOn(directory.path);
      await fill(docker, directory.path, registry.address);
      const varve = varveOn(daemon.root);
      const same = (...args: string[]): Promise<void> => assertSame(varve, docker, args);

      await t.test("B081 B082 history is dockerd's line by line, of both examples too", async () => {
        for (const image of images) await same("history", image);
        for (const flags of [["--no-trunc"], ["-H=false"], ["-q"], ["--format", "{{json .}}"]])
          await same("history", ...flags, "example:a");
        await same("history", "--no-trunc", "repository:layer");
        const rows = ["history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Size}}"];
        assert.deepEqual((await varve(...rows, "example:a")).split("\n").slice(0, 4), [
          '/bin/sh -c #(nop)  CMD ["/bin/bash"]|0B',
          "/bin/sh -c apt-get install -y apache2|100kB",
          "/bin/sh -c apt-get update -y &&     apt-get install -y emacs|100kB",
          "/bin/sh -c #(nop)  MAINTAINER Jo <jo@x>|0B",
        ]);
        assert.match(await varve("history", "example:a"), /apt-get update -y &&     apt-get \u2026   100kB/);
        const sizes = (await varve(...rows, "repository:layer"))
          .split("\n")
          .map((row) => row.split("|").at(-1));
        assert.deepEqual(sizes.slice(0, 7), ["32B", "2B", "2B", "2B", "2B", "0B", "0B"]);
        const example = await varve(
          "inspect",
          "-f",
          "{{.Author}} {{json .Config.Cmd}} {{len .RootFS.Layers}}",
          "example:a",
        );
        assert.equal(example, 'Jo <jo@x> ["/bin/bash"] 3');
      });

      await t.test("B054 B084 B085 inspect of images is dockerd's byte for byte", async () => {
        await same("inspect", ...images);
        for (const image of images) await same("inspect", "-f", "{{.Parent}} {{json .RootFS}}", image);
        const [example, none] = json<Inspected[]>(await varve("inspect", "repository:layer", "no-layers"));
        assert.equal(example?.GraphDriver.Data?.["LowerDir"]?.split(":").length, 6);
        assert.deepEqual([none?.GraphDriver.Data, none?.RootFS], [null, { Type: "layers" }]);
      });

      await t.test("B089 B090 images are listed as dockerd lists them", async () => {
        for (const flags of [
          [],
          ["--digests"],
          ["--no-trunc"],
          ["-q"],
          ["--format", "json"],
          ["-f", "dangling=true"],
        ])
          await assertSame(varve, docker, ["images", ...flags], sortLines);
        const format = "table {{.ID}}\t{{.Repository}}:{{.Tag}}\t{{.Size}}";
        await assertSame(varve, docker, ["images", "--format", format, "-f", "reference=*/*"], sortLines);
        await assertSame(varve, docker, ["images", "-aq"], sortLines);
        await same("images", "repository");
        const ages = (await varve("images", "-a", "--format", "{{.CreatedAt}}")).split("\n");
        assert.deepEqual(ages, ages.toSorted().reverse());
      });

      await t.test("B086 B095 containers are listed and inspected as dockerd does", async () => {
        for (const flags of [
          [],
          ["-a"],
          ["-as"],
          ["-aq"],
          ["-a", "--no-trunc"],
          ["-a", "--format", "{{json .}}"],
        ])
          await same("ps", ...flags);
        for (const filter of ["status=exited", "exited=3", "label=x=y", "name=mad", "ancestor=debian:12"])
          await same("ps", "-a", "-f", filter);
        await same("inspect", "-s", ...containers);
        const layers = await dataOf(varve, "layer");
        const image = await dataOf(varve, "repository:layer");
        const id = (layers["UpperDir"] as string).slice(0, -"/diff".length);
        assert.equal(layers["LowerDir"], `${id}-init/diff:${image["UpperDir"]}:${image["LowerDir"]}`);
      });

      await t.test("B087 what a running container writes is in its diff and merged directories", async () => {
        await docker("exec", "layer", "sh", "-c", "echo 4 > /data/layer/layer3");
        const data = await dataOf(varve, "layer");
        for (const key of ["UpperDir", "MergedDir"])
          assert.equal(readFileSync(`${data[key]}/data/layer/layer3`, "utf8"), "4\n");
        assert.equal(readFileSync(`${data["MergedDir"]}/data/layer/layer2`, "utf8"), "2\n");
        assert.equal(await varve("diff", "layer"), "C /data\nC /data/layer\nC /data/layer/layer3");
      });

      await t.test("B097 diff is dockerd's, sorted by path", async () => {
        const theirs = (await docker("diff", "stopped")).split("\n");
        assert.ok(theirs.length > 10, theirs.join());
        assert.deepEqual((await varve("diff", "stopped")).split("\n"), theirs.sort(byPath));
      });

      await t.test("B100 save in Docker's format is docker save, byte for byte", async () => {
        // Of several images Docker's order is random.
        for (const saved of [["repository:layer"], ["committed:1"], ["other", await idOf(varve, "other")]]) {
          await docker("save", "-o", join(directory.path, "theirs.tar"), ...saved);
          await varve("save", "--format", "docker", "-o", join(directory.path, "ours.tar"), ...saved);
          const [theirs, ours] = ["theirs.tar", "ours.tar"].map((file) =>
            readFileSync(join(directory.path, file)),
          );
          assert.ok(theirs?.equals(ours as Buffer), `${saved.join()}: archives differ`);
        }
      });

      await t.test("B126 push sends nothing that dockerd pushed, and gives its digest", async () => {
        registry.forget();
        const pushed = await varve("push", name);
        assert.doesNotMatch(registry.requests().join("\n"), /PATCH/);
        const digest = /layer: digest: (sha256:\S+) size: \d+$/.exec(pushed)?.[1];
        assert.deepEqual(json<string[]>(await docker("inspect", "-f", "{{json .RepoDigests}}", name)), [
          `${registry.address}/repository@${digest}`,
        ]);
      });
      await docker("rm", "-f", "layer");
    }
    await goOn(t, directory.path, name);
  },
);

/** dockerd has gone: varve runs, commits, removes; then dockerd finds that. */
async function goOn(t: TestContext, directory: string, name: string): Promise<void> {
  const root = join(directory, "root");
  const varve = varveOn(root);

  await t.test("B055 the forest shows parents that dockerd recorded", async () => {
    const forest = json<Node[]>(await varve("--json", "tree"));
    const debian = forest.find(({ tags }) => tags.includes("debian:12"));
    const path = (node: Node | undefined, tag: string): string[] | undefined => {
      if (node === undefined) return undefined;
      if (node.tags.includes(tag)) return [node.id];
      const below = node.children.map((child) => path(child, tag)).find((found) => found !== undefined);
      return below === undefined ? undefined : [node.id, ...below];
    };
    assert.equal(path(debian, "example:a")?.length, 5);
    assert.equal(path(debian, "committed:1")?.length, 9);
    assert.match(
      await varve("tree"),
      /^[0-9a-f]{12} debian:12 +\(1 layer, .*\n(?:.*\n)*.*─ [0-9a-f]{12} committed:1 +\(8 layers/m,
    );
  });

  await t.test("B060 varve runs every image, and starts dockerd's container with its files", async () => {
    for (const image of ["debian:12", "example:a", "repository:layer", "committed:1"]) {
      const out = await varve("run", "--rm", "--network", "none", image, "cat", "/etc/os-release");
      assert.equal(out, "ID=debian", image);
    }
    const { code } = await varve.run(["start", "-a", "stopped"]);
    // The second run of the storm finds /new/one's source gone, and still exits with 3.
    assert.equal(code, 3);
    assert.equal(
      await varve("run", "--rm", "committed:1", "sh", "-c", "cat /data/layer/layer3; echo $A"),
      "4\nb",
    );
  });

  await t.test("B058 B092 varve commits dockerd's container and removes dockerd's image", async () => {
    assert.match(await varve("commit", "-m", "by varve", "stopped", "by/varve"), /^sha256:[0-9a-f]{64}$/);
    const removed = (await varve("rmi", "example:a", "--force")).split("\n");
    assert.equal(removed[0], "Untagged: example:a");
  });
  const written = await varve("history", "--no-trunc", "by/varve");

  await using daemon = await startDockerd(directory, "overlay2");
  assert.equal(daemon.root, root);
  const docker = dockerOn(directory);
  await t.test("B155 dockerd goes on where varve stopped", async () => {
    await assertSame(varve, docker, ["images", "--digests"], sortLines);
    await assertSame(varve, docker, ["inspect", "by/varve", "stopped"]);
    await assertSame(varve, docker, ["ps", "-as"]);
    assert.equal(
      (await docker("history", "--no-trunc", "by/varve")).split("\n").length,
      written.split("\n").length,
    );
    const run = ["run", "--rm", "--network", "none", "by/varve", "cat", "/data/layer/layer3"];
    assert.equal(await docker(...run), "4");
    await docker("tag", "by/varve", `${name}2`);
    await docker("push", "-q", `${name}2`);
    await docker("rm", "stopped");
    assert.match(await docker("rmi", "by/varve", `${name}2`), /Deleted: sha256:/);
  });
}

interface Inspected {
  readonly GraphDriver: { readonly Data: Readonly<Record<string, string>> | null };
  readonly RootFS: object;
}

interface Node {
  readonly id: string;
  readonly tags: readonly string[];
  readonly children: readonly Node[];
}

type TestContext = { test(name: string, body: () => Promise<void>): Promise<void> };

const byPath = (a: string, b: string): number => (a.slice(2) < b.slice(2) ? -1 : 1);

async function idOf(varve: Program, image: string): Promise<string> {
  return varve("inspect", "-f", "{{.Id}}", image);
}

async function dataOf(varve: Program, of: string): Promise<Record<string, string>> {
  return json<Record<string, string>>(await varve("inspect", "-f", "{{json .GraphDriver.Data}}", of));
}
