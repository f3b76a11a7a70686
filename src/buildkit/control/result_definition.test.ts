import assert from "node:assert/strict";
import { test } from "node:test";
import { flag, integer, many, map, message, one, text, type Write } from "../../rpc/index.ts";
import { Definition } from "./control_messages.ts";
import { inputOf, resultDefinition } from "./result_definition.ts";

const Action = message({
  copy: one(4, message({ src: text(1), unpack: flag(7) })),
  remove: one(7, message({})),
});
const Op = message({
  inputs: many(1, message({ digest: text(1), index: integer(2) })),
  exec: one(2, message({ network: integer(3) })),
  source: one(3, message({ identifier: text(1), attributes: map(2) })),
  file: one(4, message({ actions: many(2, Action) })),
});

const graph = (...operations: Write<typeof Op>[]) =>
  Definition.decode(Definition.encode({ operations: operations.map((each) => Op.encode(each)) }));
const source = (identifier: string, attributes: Record<string, string> = {}) => ({
  source: { identifier, attributes },
});
const end = { inputs: [{ digest: "sha256:0", index: 0 }] };
const copy = (unpack: boolean) => ({ file: { actions: [{ copy: { src: "f", unpack } }] } });

test("a result, on its way through a client", () => {
  const sent = Definition.encode(resultDefinition("abc"));
  assert.deepEqual(inputOf(Definition.decode(sent)), { kind: "result", id: "abc" });
});

test("graphs of places elsewhere, and no others", () => {
  const full = { "git.fullurl": "https://h.example/r.git" };
  const url = "https://h.example/a/b.tar?x";
  for (const [given, wanted] of [
    [
      graph(source("git://h.example/r.git#main:sub", full), end),
      { kind: "git", reference: "https://h.example/r.git#main:sub" },
    ],
    [graph(source("git://h.example/r.git"), end), { kind: "git", reference: "https://h.example/r.git" }],
    [graph(source(url), end), { kind: "url", url, name: "b.tar", unpack: false }],
    [
      graph(source(url, { "http.filename": "f" }), copy(true), end),
      { kind: "url", url, name: "f", unpack: true },
    ],
    [graph(source(url), copy(false), end), { kind: "url", url, name: "b.tar", unpack: false }],
    [graph(source(url), { file: { actions: [{ remove: {} }] } }, end), undefined],
    [graph(source(url), { exec: { network: 1 } }, end), undefined],
    [graph(source(url), source(url), end), undefined],
    [graph(source("http://[")), undefined],
    [graph(source("docker-image://x")), undefined],
    [graph(source("local://context")), undefined],
    [graph(end), undefined],
    [graph(), undefined],
  ] as const)
    assert.deepEqual(inputOf(given), wanted);
  const broken = Definition.decode(Definition.encode({ operations: [Buffer.from("1a7f", "hex")] }));
  assert.throws(() => inputOf(broken), { kind: "corrupt" });
});
