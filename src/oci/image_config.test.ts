import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { goJson } from "./go_json.ts";
import { parseImageConfig } from "./image_config.ts";

const diffId = `sha256:${"2".repeat(64)}`;
const minimal = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [diffId] } };
const parse = (value: unknown): ReturnType<typeof parseImageConfig> =>
  parseImageConfig(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));

describe("parseImageConfig", () => {
  test("a config that dockerd wrote comes back to its exact bytes", () => {
    const raw = readFileSync(join(import.meta.dirname, "../../test/fixtures/identities/config.json"));
    const config = parseImageConfig(raw);
    assert.equal(config.history?.length, 4);
    assert.equal(config.rootfs.diff_ids?.length, 3);
    assert.equal(goJson(config), raw.toString());
  });

  test("unknown fields are kept", () => {
    const config = parse({ ...minimal, "x.y": { z: [null, 1] }, config: { New: true } });
    assert.deepEqual(config["x.y"], { z: [null, 1] });
    assert.equal(config.config?.["New"], true);
  });

  test("what old builders left out is filled in", () => {
    const { os: _os, architecture: _architecture, ...rest } = minimal;
    assert.deepEqual([parse(rest).os, parse(rest).architecture], ["linux", ""]);
    assert.equal(parse({ ...minimal, os: "" }).os, "linux");
    assert.equal(parse({ ...minimal, os: "windows" }).os, "windows");
  });

  test("a bare string as command is a list of one, as in Docker", () => {
    const config = parse({ ...minimal, config: { Cmd: "sh", Entrypoint: ["a"], Shell: null } });
    assert.deepEqual(
      [config.config?.Cmd, config.config?.Entrypoint, config.config?.Shell],
      [["sh"], ["a"], null],
    );
  });

  test("a text of null is one that is not there, as in Docker", () => {
    const config = parse({
      ...minimal,
      os: null,
      created: null,
      config: { User: null },
      history: [{ created: null, comment: null, empty_layer: null }],
    });
    assert.deepEqual(config, { ...minimal, config: {}, history: [{}] });
  });

  const accepted: readonly [string, unknown][] = [
    ["no layers at all", { ...minimal, rootfs: { type: "layers" } }],
    ["diff_ids of null", { ...minimal, rootfs: { type: "layers", diff_ids: null } }],
    ["history of null", { ...minimal, history: null }],
    ["more history than layers", { ...minimal, history: [{}, { created_by: "a" }, { empty_layer: true }] }],
    ["less history than layers", { ...minimal, history: [] }],
    ["a config of null", { ...minimal, config: null }],
    [
      "null lists and maps",
      { ...minimal, config: { Env: null, Labels: null, Volumes: null, OnBuild: null } },
    ],
  ];
  for (const [name, value] of accepted) {
    test(`accepts ${name}`, () => assert.equal(parse(value).rootfs.type, "layers"));
  }

  const refused: readonly [string, unknown, RegExp][] = [
    ["no rootfs", { architecture: "amd64", os: "linux" }, /^invalid image JSON, no RootFS key$/],
    [
      "another rootfs type",
      { ...minimal, rootfs: { type: "tar", diff_ids: [] } },
      /rootfs\.type: expected "layers"/,
    ],
    ["a bad diff id", { ...minimal, rootfs: { type: "layers", diff_ids: [diffId, "x"] } }, /diff_ids\[1\]/],
    ["a number as diff id", { ...minimal, rootfs: { type: "layers", diff_ids: [1] } }, /diff_ids\[0\]/],
    [
      "diff_ids that are no list",
      { ...minimal, rootfs: { type: "layers", diff_ids: {} } },
      /diff_ids: expected a list/,
    ],
    ["a number as os", { ...minimal, os: 1 }, /os: expected a string/],
    ["history that is no list", { ...minimal, history: {} }, /history: expected a list/],
    ["a history row of null", { ...minimal, history: [null] }, /history\[0\]: expected an object/],
    [
      "a text as empty_layer",
      { ...minimal, history: [{ empty_layer: "yes" }] },
      /empty_layer: expected true or false/,
    ],
    ["a number in Env", { ...minimal, config: { Env: ["a=b", 1] } }, /config\.Env\[1\]: expected a string/],
    ["a number as label", { ...minimal, config: { Labels: { a: 1 } } }, /Labels\.a: expected a string/],
    ["a list of volumes", { ...minimal, config: { Volumes: ["/v"] } }, /Volumes: expected an object/],
    ["a list", [], /expected an object/],
    ["no JSON", "{", /cannot read image config/],
  ];
  for (const [name, value, message] of refused) {
    test(`refuses ${name}`, () => {
      assert.throws(() => parse(value), { name: "Failure", kind: "invalid", message });
    });
  }

  test("refuses more than 8 MiB and more than 64 levels", () => {
    assert.throws(() => parseImageConfig(Buffer.alloc((8 << 20) + 1, " ")), { kind: "limit" });
    const deep = `{"rootfs":{"type":"layers"},"x":${"[".repeat(64)}${"]".repeat(64)}}`;
    assert.throws(() => parse(deep), { kind: "limit" });
    assert.equal(parse(deep.replace("[[", "[").replace("]]", "]")).rootfs.type, "layers");
  });
});
