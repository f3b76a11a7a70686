import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors.ts";
import { parsePax, parsePaxTime, type PaxHeader } from "./pax.ts";

function parse(text: string): PaxHeader {
  const body = Buffer.from(`ignored${text}ignored`, "latin1");
  return parsePax(body, 7, 7 + text.length);
}

/** A record with the right length in front. */
function record(key: string, value: string): string {
  for (let length = key.length + value.length + 4; ; length++) {
    const text = `${length} ${key}=${value}\n`;
    if (text.length === length) return text;
  }
}

const good: readonly (readonly [string, PaxHeader])[] = [
  ["", {}],
  [record("path", "caf\xc3\xa9"), { path: "caf\xc3\xa9" }],
  [record("path", "a=b\nc"), { path: "a=b\nc" }],
  [record("path", "n".repeat(94)), { path: "n".repeat(94) }],
  [record("hdrcharset", "BINARY") + record("path", "\xff"), { path: "\xff" }],
  [record("path", "one") + record("path", "two"), { path: "two" }],
  [record("path", ""), {}],
  [
    record("linkpath", "t") + record("uname", "u") + record("gname", "g"),
    { linkPath: "t", uname: "u", gname: "g" },
  ],
  [record("uid", "3000000") + record("gid", "-2"), { uid: 3_000_000, gid: -2 }],
  [record("size", "9007199254740991"), { size: 9007199254740991 }],
  [record("comment", "anything\0") + record("unknown.key", ""), {}],
  ["012 path=ab\n", { path: "ab" }],
  [
    record("SCHILY.xattr.user.k", "\0\xff=\n"),
    { xattrs: new Map([["user.k", new Uint8Array([0, 255, 61, 10])]]) },
  ],
  [record("SCHILY.xattr.user.e", ""), { xattrs: new Map([["user.e", new Uint8Array()]]) }],
  [record("LIBARCHIVE.xattr.user.a%3Db", "eA=="), { xattrs: new Map([["user.a=b", new Uint8Array([120])]]) }],
  [
    record("LIBARCHIVE.xattr.user.k", "eA==") + record("SCHILY.xattr.user.k", "y"),
    { xattrs: new Map([["user.k", new Uint8Array([121])]]) },
  ],
  [
    record("GNU.sparse.numblocks", "1") +
      record("GNU.sparse.offset", "5") +
      record("GNU.sparse.numbytes", "7"),
    { sparse: { blocks: "1", pairs: ["5", "7"] } },
  ],
];

for (const [text, expected] of good) {
  test(`records ${JSON.stringify(text)} are read`, () => {
    const { xattrs, ...rest } = parse(text);
    const { xattrs: wanted, ...others } = expected;
    assert.deepEqual(rest, others);
    assert.deepEqual(xattrs && [...xattrs], wanted && [...wanted]);
  });
}

const bad: readonly (readonly [string, RegExp])[] = [
  ["path=a\n", /malformed PAX record/],
  [" path=a\n", /malformed/],
  ["7 path=a\n", /malformed/],
  ["12 path=ab\n", /malformed/],
  ["9 path=ab", /malformed/],
  ["10 path=a\n\0\0", /malformed/],
  ["6 =ab\n", /malformed/],
  ["9 nokey\n\n", /malformed/],
  ["4 =\n", /malformed/],
  ["99999999999999999999 path=a\n", /malformed/],
  [record("path", "a\0b"), /"path" holds a NUL byte/],
  [record("linkpath", "a\0b"), /"linkpath" holds a NUL byte/],
  [record("SCHILY.xattr.nul\0", "v"), /holds a NUL byte/],
  [record("uid", "1e3"), /uid="1e3" is not a whole number/],
  [record("size", "9007199254740992"), /is not a whole number below 2\^53/],
  [record("size", " 1"), /not a whole number/],
  [record("mtime", "999xxx.5"), /malformed time/],
  [record("ctime", "x"), /malformed time/],
  [record("GNU.sparse.numbytes", "1"), /out of order/],
];

for (const [text, expected] of bad) {
  test(`records ${JSON.stringify(text)} are refused`, () => {
    assert.throws(
      () => parse(text),
      (error: Error) => isFailure(error, "corrupt") && expected.test(error.message),
    );
  });
}

for (const [text, seconds, nanoseconds] of [
  ["0", 0, 0],
  ["-0", 0, 0],
  ["1700000000.123456789", 1_700_000_000, 123_456_789],
  ["1.5", 1, 500_000_000],
  ["1.", 1, 0],
  ["1.0000000019", 1, 1],
  ["-1.5", -2, 500_000_000],
  ["-0.25", -1, 750_000_000],
  ["-1.0", -1, 0],
] as const) {
  test(`time ${text} is ${seconds} s and ${nanoseconds} ns`, () => {
    assert.deepEqual(parsePaxTime(text), { seconds, nanoseconds });
  });
}
