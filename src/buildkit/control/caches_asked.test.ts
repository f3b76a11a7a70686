import assert from "node:assert/strict";
import { test } from "node:test";
import { formatReference } from "../../oci/index.ts";
import { cachesAsked, cachesOfAttributes } from "./caches_asked.ts";

test("caches in registries and inline are taken and written; those of directories and services are not", () => {
  const warnings: string[] = [];
  const from = [
    { type: "registry", attributes: { ref: "127.0.0.1:5000/cache" } },
    { type: "gha", attributes: {} },
    { type: "local", attributes: { src: "/etc" } },
  ];
  const to = [
    { type: "inline", attributes: {} },
    { type: "registry", attributes: { ref: "r.example/c:1", mode: "max", "ignore-error": "true" } },
  ];
  const { cacheFrom = [], cacheTo = [] } = cachesAsked(from, to, (text) => warnings.push(text));
  assert.deepEqual(
    cacheFrom.map((place) => (place.type === "registry" ? formatReference(place.name) : place.type)),
    ["127.0.0.1:5000/cache:latest"],
  );
  assert.deepEqual(
    cacheTo.map(({ place, mode, ignoreError }) => [place.type, mode, ignoreError]),
    [
      ["inline", "min", false],
      ["registry", "max", true],
    ],
  );
  assert.equal(warnings.length, 2);
  const local = [{ type: "local", attributes: { dest: "/etc" } }];
  assert.throws(() => cachesAsked([], local, () => undefined), { kind: "unsupported" });
});

test("imports among the attributes come in either spelling", () => {
  const text = JSON.stringify([{ Type: "registry", Attrs: { ref: "a" } }]);
  assert.deepEqual(cachesOfAttributes({ "cache-imports": text, "cache-from": "b,c" }), [
    { type: "registry", attributes: { ref: "a" } },
    { type: "registry", attributes: { ref: "b" } },
    { type: "registry", attributes: { ref: "c" } },
  ]);
  for (const wrong of ["{", "{}", "[1]", '[{"Type":1}]', '[{"Type":"x","Attrs":{"a":1}}]'])
    assert.throws(() => cachesOfAttributes({ "cache-imports": wrong }), { kind: "invalid" });
});
