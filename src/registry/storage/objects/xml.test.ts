import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../../../errors.ts";
import { childrenOf, escapeXml, parseXml, textOf } from "./xml.ts";

test("elements, text, entities, attributes, namespaces and data sections are read", () => {
  const root = parseXml(`<?xml version="1.0"?>
    <!-- a comment with <tags> -->
    <r:List xmlns="x" a=">"><Key>a&amp;b&#x2f;&#99;&lt;</Key><Key/><Key><![CDATA[<raw>&amp;]]></Key><N><M>1</M></N></r:List>`);
  assert.equal(root.name, "List");
  assert.deepEqual(
    childrenOf(root, "Key").map(({ text }) => text),
    ["a&b/c<", "", "<raw>&amp;"],
  );
  assert.equal(textOf(root, "N", "M"), "1");
  assert.equal(textOf(root, "N", "X", "M"), undefined);
  assert.equal(escapeXml("<a&b>"), "&lt;a&amp;b&gt;");
});

test("what is no XML comes from a peer that answers nonsense", () => {
  for (const text of ["", "text", "<a>", "<a></b>", "</a>", "<a></a></a>", "<a>".repeat(40)]) {
    assert.throws(
      () => parseXml(text),
      (error) => isFailure(error, "unavailable"),
      text,
    );
  }
});
