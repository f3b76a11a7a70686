import assert from "node:assert/strict";
import { test } from "node:test";
import { engineFixture, makeImage, named } from "../../../test/support/engine_fixture.ts";
import { unlessLinux, unlessRoot } from "../../../test/suites/scratch.ts";
import { digestOf } from "../../oci/index.ts";

const skip = unlessLinux;

test("B054 B085 fields come in Docker's order; what is absent takes Go's zero value", { skip }, async () => {
  using fixture = await engineFixture();
  const image = await makeImage(fixture, {
    names: ["a:1"],
    files: { f: "12345" },
    created: "2026-01-02T03:04:05.670Z",
  });
  await fixture.engine.store.names.set(named(`a@${digestOf("m")}`), image.id);
  const shown = await fixture.engine.images.inspect("a:1");
  assert.deepEqual(
    Object.keys(shown),
    "Id RepoTags RepoDigests Parent Comment Created Container ContainerConfig DockerVersion Author Config Architecture Os Size VirtualSize GraphDriver RootFS Metadata".split(
      " ",
    ),
  );
  const { ContainerConfig, Metadata, ...rest } = shown;
  assert.deepEqual(rest, {
    Id: image.id,
    RepoTags: ["a:1"],
    RepoDigests: [`a@${digestOf("m")}`],
    Parent: "",
    Comment: "",
    Created: "2026-01-02T03:04:05.67Z",
    Container: "",
    DockerVersion: "",
    Author: "",
    Config: null,
    Architecture: "amd64",
    Os: "linux",
    Size: 5,
    VirtualSize: 5,
    GraphDriver: { Data: null, Name: "vfs" },
    RootFS: { Type: "layers", Layers: image.config.rootfs.diff_ids },
  });
  assert.equal(ContainerConfig.Cmd, null);
  assert.match(Metadata.LastTagTime, /^20\d\d-.*Z$/);
});

test(
  "B085 an image without layers has no RootFS.Layers; without a tag it was never tagged",
  { skip },
  async () => {
    using fixture = await engineFixture();
    const image = await makeImage(fixture, {});
    const shown = await fixture.engine.images.inspect(image.id);
    assert.deepEqual(shown.RootFS, { Type: "layers" });
    assert.equal(shown.GraphDriver.Data, null);
    assert.deepEqual(
      [shown.Size, shown.RepoTags, shown.Metadata.LastTagTime],
      [0, [], "0001-01-01T00:00:00Z"],
    );
  },
);

test("the comment is the image's own, else that of its last step", { skip }, async () => {
  using fixture = await engineFixture();
  const comment = async (own: string | undefined, step: string | undefined): Promise<string> => {
    const image = await makeImage(fixture, {
      ...(step !== undefined && { comment: step }),
      edit: (config) => void (own !== undefined && (config["comment"] = own)),
    });
    return (await fixture.engine.images.inspect(image.id)).Comment;
  };
  assert.equal(await comment("own", "step"), "own");
  assert.equal(await comment("", "step"), "step");
  assert.equal(await comment(undefined, "step"), "step");
  assert.equal(await comment(undefined, undefined), "");
});

test(
  "B084 B085 GraphDriver: own directories of the top layer, the lowers nearest first",
  { skip: unlessRoot },
  async () => {
    using fixture = await engineFixture("overlay2");
    const one = await makeImage(fixture, { files: { a: "1" } });
    const two = await makeImage(fixture, { base: one, files: { b: "2" } });
    const three = await makeImage(fixture, { base: two, files: { c: "3" }, config: { Env: ["A=b"] } });
    const data = async (id: string) => (await fixture.engine.images.inspect(id)).GraphDriver;
    const [low, middle, high] = [await data(one.id), await data(two.id), await data(three.id)];
    assert.deepEqual(Object.keys(high.Data ?? {}), ["LowerDir", "MergedDir", "UpperDir", "WorkDir"]);
    assert.deepEqual(Object.keys(low.Data ?? {}), ["MergedDir", "UpperDir", "WorkDir"]);
    const own = high.Data?.["UpperDir"]?.replace(/\/diff$/, "");
    assert.deepEqual(high.Data, {
      LowerDir: `${middle.Data?.["UpperDir"]}:${low.Data?.["UpperDir"]}`,
      MergedDir: `${own}/merged`,
      UpperDir: `${own}/diff`,
      WorkDir: `${own}/work`,
    });
    assert.equal(high.Name, "overlay2");
    const shown = await fixture.engine.images.inspect(three.id);
    assert.deepEqual([shown.Parent, shown.Config?.Env], [two.id, ["A=b"]]);
  },
);
