import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import * as fc from "fast-check";
import { isFailure } from "../errors.ts";
import { Sha256 } from "./sha256.ts";

test("B161 a state taken out anywhere goes on to node:crypto's digest", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 });
  fc.assert(
    fc.property(pieces, (chunks) => {
      const expected = createHash("sha256");
      let hash = new Sha256();
      for (const chunk of chunks) {
        expected.update(chunk);
        hash.update(chunk);
        assert.equal(hash.state().length, 108);
        hash = Sha256.from(hash.state());
      }
      assert.equal(hash.hex(), expected.copy().digest("hex"));
      assert.equal(hash.hex(), expected.digest("hex"), "hex() changes nothing");
    }),
  );
});

test("a large update and many small ones agree", () => {
  const bytes = Buffer.alloc(1 << 20, "0123456789 abcdef");
  const hash = new Sha256();
  hash.update(bytes);
  assert.equal(hash.hex(), createHash("sha256").update(bytes).digest("hex"));
});

// Written by docker-registry 2.8 after a PATCH of "hello".
test("B161 the state of five bytes is Go's", () => {
  const hash = new Sha256();
  hash.update(Buffer.from("hello"));
  const words = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19";
  const expected = `73686103${words}${Buffer.from("hello").toString("hex").padEnd(128, "0")}0000000000000005`;
  assert.equal(Buffer.from(hash.state()).toString("hex"), expected);
});

test("what is no state is refused", () => {
  for (const wrong of [Buffer.alloc(0), Buffer.alloc(108), Buffer.from(new Sha256().state()).subarray(1)]) {
    assert.throws(
      () => Sha256.from(wrong),
      (error) => isFailure(error, "corrupt"),
    );
  }
});
