/** Input that is written as chunks, or after a body. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BodyReader, ChunkReader } from "./framed_input.ts";

const cases: readonly [written: string, input: string, over: boolean][] = [
  ["6\r\nhello\n\r\n", "hello\n", false],
  ["6\r\nhello\n\r\n3;a=b\r\nyes\r\n0\r\n\r\nmore", "hello\nyes", true],
  ["0\r\nTrailer: x\r\n\r\n", "", true],
  ["0\r\n\r\n", "", true],
  ["A\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n0\r\n\r\n", true],
  // As it stands.
  ["hello\n", "hello\n", false],
  ["a\nb\n", "a\nb\n", false],
  ["\r\n", "\r\n", false],
  ["6", "6", false],
  ["2\r\nhello\n", "hello\n", false],
  ["ffffffffff\r\n", "ffffffffff\r\n", false],
  ["x".repeat(3000), "x".repeat(3000), false],
];

for (const [written, input, over] of cases) {
  for (const size of [1, 2, 5, 4096]) {
    test(`${JSON.stringify(written.slice(0, 40))}, ${size} bytes at a time`, () => {
      const reader = new ChunkReader(false);
      let read = "";
      const bytes = Buffer.from(written);
      for (let at = 0; at < bytes.length; at += size)
        for (const content of reader.read(bytes.subarray(at, at + size))) read += content.toString();
      assert.equal(read + reader.end().toString(), input);
      assert.equal(reader.isOver, over);
    });
  }
}

test("after the last chunk a client that has left HTTP goes on as it likes", () => {
  const reader = new ChunkReader(true);
  const read = [..."3\r\nyes\r\n0\r\n\r\n6\r\nno chunk"].flatMap((byte) => [
    ...reader.read(Buffer.from(byte)),
  ]);
  assert.equal(Buffer.concat(read).toString(), "yes6\r\nno chunk");
  assert.equal(reader.isOver, false);
});

for (const size of [1, 2, 5, 4096]) {
  test(`a body is passed over, ${size} bytes at a time`, () => {
    const reader = new BodyReader(4);
    const bytes = Buffer.from("{..}input");
    const read: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) read.push(...reader.read(bytes.subarray(at, at + size)));
    assert.equal(Buffer.concat(read).toString(), "input");
  });
}
