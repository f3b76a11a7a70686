import assert from "node:assert/strict";
import { test } from "node:test";
import { readTarget } from "./target.ts";

const targets: readonly [url: string, version: string | undefined, path: string, redirect?: string][] = [
  ["/v1.41/containers/json?a=b", "1.41", "/containers/json"],
  ["/containers/json", undefined, "/containers/json"],
  ["http://host:1/v1.41/_ping", "1.41", "/_ping"],
  ["http://host", undefined, "/", "/"],
  ["/v1.41", undefined, "/v1.41"],
  ["/vx/info", undefined, "/vx/info"],
  ["/v1..2/info", "1..2", "/info"],
  ["/v1.41/images/a%2Fb%3A1/json", "1.41", "/images/a/b:1/json"],
  [
    "/v1.41/containers//name/json?size=1",
    "1.41",
    "/containers/name/json",
    "/v1.41/containers/name/json?size=1",
  ],
  [
    "/containers/%2Fa%3Fb%23c%20d/json",
    undefined,
    "/containers/a?b#c d/json",
    "/containers/a%3Fb%23c%20d/json",
  ],
  ["/a/../../b/", undefined, "/b/", "/b/"],
  ["//other.example/x", undefined, "/other.example/x", "/other.example/x"],
  ["*", undefined, "/*", "/*"],
];
for (const [url, version, path, redirect] of targets) {
  test(`B176 the target ${url}`, () => {
    const target = readTarget(url);
    assert.deepEqual([target.version, target.path, target.redirect], [version, path, redirect]);
  });
}

test("B176 the query is kept as it is, with question marks", () => {
  assert.equal(readTarget("/x?a=b?c&d=%2F").query.get("a"), "b?c");
  assert.equal(readTarget("/x?a=b?c&d=%2F").query.get("d"), "/");
});

test("B176 a path that cannot be decoded", () => {
  assert.throws(() => readTarget("/%ZZ"), { status: 400, message: "invalid path: /%ZZ" });
});
