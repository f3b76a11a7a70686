import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { goJson, parseJson } from "./go_json.ts";

describe("goJson writes what Go's encoding/json writes", () => {
  // Right-hand sides were printed by Go 1.19 and later alike, apart from \b and \f, which are those of Go before 1.22.
  const strings: readonly [string, string][] = [
    ["plain", '"plain"'],
    ['<a href="x">&\'', String.raw`"\u003ca href=\"x\"\u003e\u0026'"`],
    ["\u2028\u2029", String.raw`"\u2028\u2029"`],
    ["\n\r\t\\", String.raw`"\n\r\t\\"`],
    ["\b\f\0\x1f", String.raw`"\u0008\u000c\u0000\u001f"`],
    ["\\b\\f\\u003c", String.raw`"\\b\\f\\u003c"`],
    ["\x7f", '"\x7f"'],
    ["é日😀", '"é日😀"'],
    ["\ud800x\udc00", '"\ufffdx\ufffd"'],
    ["/", '"/"'],
  ];
  for (const [value, wanted] of strings) {
    test(`of the string ${JSON.stringify(value)}`, () => assert.equal(goJson(value), wanted));
  }

  const values: readonly [string, unknown, string][] = [
    ["null, true and false", [null, true, false], "[null,true,false]"],
    [
      "numbers",
      [0, -1, 1.5, 1e20, 1e21, 1e-7, 123456789012345],
      "[0,-1,1.5,100000000000000000000,1e+21,1e-7,123456789012345]",
    ],
    ["a bigint", 12345678901234567890n, "12345678901234567890"],
    ["empty things", { a: [], b: {}, c: "" }, '{"a":[],"b":{},"c":""}'],
    ["undefined members, which are left out", { a: undefined, b: [undefined] }, '{"b":[null]}'],
    ["keys in their order", { b: 1, a: 2 }, '{"b":1,"a":2}'],
    ["escaped keys", { "<": 1 }, String.raw`{"\u003c":1}`],
    [
      "a Map in its order",
      new Map([
        ["10", 1],
        ["9", 2],
      ]),
      '{"10":1,"9":2}',
    ],
  ];
  for (const [name, value, wanted] of values) {
    test(`of ${name}`, () => assert.equal(goJson(value), wanted));
  }

  test("sorts by bytes, also keys that JavaScript would move to the front", () => {
    const value = { b: { z: 1, a: 2 }, "10": 1, "9": 2, "\u{10000}": 3, "\uffff": 4, é: 5 };
    assert.equal(
      goJson(value, { sortKeys: true }),
      '{"10":1,"9":2,"b":{"a":2,"z":1},"é":5,"\uffff":4,"\u{10000}":3}',
    );
    assert.match(goJson(value, { sortKeys: "top" }), /"b":\{"z":1,"a":2\}/);
  });

  test("is read back to the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const wanted = JSON.parse(JSON.stringify(value).replaceAll("-0", "0")) as unknown;
        fc.pre(!/\\ud[89a-f]|-0/.test(JSON.stringify(value)));
        assert.deepEqual(JSON.parse(goJson(value)), wanted);
        assert.doesNotMatch(goJson(value), /[<>&\u2028\u2029]/);
      }),
    );
  });
});

describe("parseJson", () => {
  const bytes = (text: string): Uint8Array => Buffer.from(text);

  test("the last of equal keys wins", () => {
    assert.deepEqual(parseJson(bytes('{"a":1,"a":2}')), { a: 2 });
  });

  test("a key __proto__ is an ordinary property", () => {
    const value = parseJson(bytes('{"__proto__":{"x":1}}')) as object;
    assert.deepEqual(Object.keys(value), ["__proto__"]);
    assert.equal(Object.getPrototypeOf(value), Object.prototype);
    assert.equal(goJson(value), '{"__proto__":{"x":1}}');
  });

  test("bytes that are not UTF-8 become U+FFFD, as in Go", () => {
    assert.equal(parseJson(Buffer.from([0x22, 0xff, 0x22])), "\ufffd");
  });

  test("brackets within strings do not count as nesting", () => {
    const text = JSON.stringify({ a: '[[[[{{{{\\"[[' });
    assert.deepEqual(parseJson(bytes(text), { maxDepth: 1 }), { a: '[[[[{{{{\\"[[' });
  });

  test("bounds are exact", () => {
    assert.deepEqual(parseJson(bytes("[[]]"), { maxBytes: 4, maxDepth: 2 }), [[]]);
    assert.throws(() => parseJson(bytes("[[]]"), { maxBytes: 3 }), {
      kind: "limit",
      message: /4 bytes, at most 3/,
    });
    assert.throws(() => parseJson(bytes("[[]]"), { maxDepth: 1 }), {
      kind: "limit",
      message: /deeper than 1/,
    });
  });

  test("bad syntax is named after what was read", () => {
    assert.throws(() => parseJson(bytes("{x"), { what: "credentials" }), {
      kind: "invalid",
      message: /^cannot read credentials: /,
    });
  });
});
