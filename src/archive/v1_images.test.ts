import assert from "node:assert/strict";
import { test } from "node:test";
import { layerTar, opened, signal, tarBytes, type Members } from "../../test/support/archive_help.ts";
import { digestOf, familiarReference } from "../oci/index.ts";

const [base, top] = ["a".repeat(64), "b".repeat(64)];
const [one, two] = [layerTar("one"), layerTar("two")];

/** What Docker before 1.10 saved for two layers. */
function members(fields: { readonly base?: object; readonly top?: object } = {}): Members {
  return {
    [`${base}/VERSION`]: "1.0",
    [`${base}/json`]: {
      json: { id: base, created: "1970-01-01T00:00:00Z", container_config: {}, os: "linux", ...fields.base },
    },
    [`${base}/layer.tar`]: one,
    [`${top}/VERSION`]: "1.0",
    [`${top}/json`]: {
      json: {
        id: top,
        parent: base,
        created: "2015-01-02T03:04:05Z",
        author: "Jo <jo@x>",
        container_config: { Cmd: ["/bin/sh", "-c", "echo <two>"] },
        docker_version: "1.9.1",
        config: { Cmd: ["sh"] },
        architecture: "amd64",
        os: "linux",
        Size: 3,
        throwaway: true,
        ...fields.top,
      },
    },
    [`${top}/layer.tar`]: two,
    repositories: { json: { "host:5000/app": { "1": top, "2": top }, base: { latest: base } } },
  };
}

test("B107 each layer becomes an image, chained by its parent, named by repositories", async () => {
  await using archive = await opened(members());
  const [lower, upper] = archive.images;
  assert.equal(archive.images.length, 2);
  assert.equal(lower!.parent, undefined);
  assert.equal(upper!.parent, lower!.view.imageId);
  assert.deepEqual(lower!.names.map(familiarReference), ["base:latest"]);
  assert.deepEqual(upper!.names.map(familiarReference), ["host:5000/app:1", "host:5000/app:2"]);
  assert.deepEqual(
    upper!.view.layers.map(({ diffId }) => diffId),
    [digestOf(one), digestOf(two)],
  );
  assert.deepEqual(await tarBytes(upper!, 0), one);
  assert.deepEqual(await tarBytes(upper!, 1), two);
});

test("B107 configs are those that Docker makes: old keys gone, top keys sorted, history rows appended", async () => {
  await using archive = await opened(members());
  const [lower, upper] = await Promise.all(
    archive.images.map(async ({ view }) => Buffer.from(await view.readConfig({ signal })).toString()),
  );
  const blank =
    '{"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":false,"AttachStderr":false,"Tty":false,' +
    '"OpenStdin":false,"StdinOnce":false,"Env":null,"Cmd":null,"Image":"","Volumes":null,"WorkingDir":"",' +
    '"Entrypoint":null,"OnBuild":null,"Labels":null}';
  const row = '{"created":"1970-01-01T00:00:00Z"}';
  // No docker_version: Docker takes it for one before 1.8.3 and writes it anew in the shape of its struct.
  assert.equal(
    lower,
    `{"container_config":${blank},"created":"1970-01-01T00:00:00Z","history":[${row}],"os":"linux",` +
      `"rootfs":{"type":"layers","diff_ids":["${digestOf(one)}"]}}`,
  );
  assert.equal(
    upper,
    '{"architecture":"amd64","author":"Jo \\u003cjo@x\\u003e","config":{"Cmd":["sh"]},' +
      '"container_config":{"Cmd":["/bin/sh","-c","echo \\u003ctwo\\u003e"]},"created":"2015-01-02T03:04:05Z",' +
      `"docker_version":"1.9.1","history":[${row},{"created":"2015-01-02T03:04:05Z","author":"Jo \\u003cjo@x\\u003e",` +
      '"created_by":"/bin/sh -c echo \\u003ctwo\\u003e"}],"os":"linux",' +
      `"rootfs":{"type":"layers","diff_ids":["${digestOf(one)}","${digestOf(two)}"]}}`,
  );
});

test("B107 saved by ID there is no repositories: all layers are images, parents first, without names", async () => {
  const { repositories: _, ...nameless } = members();
  const reversed = Object.fromEntries(Object.entries(nameless).reverse());
  await using archive = await opened(reversed);
  assert.deepEqual(
    archive.images.map(({ names, view }) => [names, view.layers.length]),
    [
      [[], 1],
      [[], 2],
    ],
  );
});

test("two tops share their base", async () => {
  const other = "c".repeat(64);
  await using archive = await opened({
    ...members(),
    [`${other}/json`]: { json: { id: other, parent: base, created: "2015-01-01T00:00:00Z" } },
    [`${other}/layer.tar`]: layerTar("three"),
    repositories: { json: { app: { "1": top }, other: { "1": other } } },
  });
  const [lower] = archive.images;
  assert.deepEqual(
    archive.images.map(({ parent, names }) => [parent === lower!.view.imageId, names.map(familiarReference)]),
    [
      [false, []],
      [true, ["app:1"]],
      [true, ["other:1"]],
    ],
  );
});

test("broken archives of the first generation are refused", async () => {
  const missing = "d".repeat(64);
  const cases: [Members, { kind: string; message: string | RegExp }][] = [
    [
      members({ base: { parent: missing } }),
      { kind: "corrupt", message: `the archive has no member "${missing}/json"` },
    ],
    [
      members({ base: { parent: top } }),
      { kind: "limit", message: "layers of the archive are chained deeper than 1024" },
    ],
    [
      members({ base: { parent: "../../etc" } }),
      { kind: "invalid", message: 'bad layer ID "../../etc" in the archive' },
    ],
    [
      members({ base: { parent: 7 } }),
      { kind: "invalid", message: `${base}/json of the archive: parent is not a text` },
    ],
    [
      { ...members(), [`${base}/json`]: "[]" },
      { kind: "invalid", message: `${base}/json of the archive is not an object` },
    ],
    [
      { ...members(), [`${base}/layer.tar`]: { link: "nowhere" } },
      { kind: "corrupt", message: `the archive has no member "${base}/layer.tar"` },
    ],
    [
      { ...members(), repositories: { json: { app: { "1": 1 } } } },
      { kind: "invalid", message: "repositories of the archive: app:1 is not a text" },
    ],
    [
      { ...members(), repositories: { json: { "A B": { "1": top } } } },
      { kind: "invalid", message: /invalid reference format/ },
    ],
    [
      { repositories: { json: { app: { "1": top } } } },
      { kind: "corrupt", message: `the archive has no member "${top}/json"` },
    ],
  ];
  for (const [bad, expected] of cases) await assert.rejects(opened(bad), expected, JSON.stringify(expected));
});
