import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, createDeflate, createInflate } from "node:zlib";
import { spdyDictionary } from "./spdy_dictionary.ts";
import { controlFrame, dataFrame, frameTypes, HeaderReader, SpdyReader, synReply } from "./spdy_frames.ts";

test("frames come apart in the same way wherever the stream is cut", () => {
  const whole = Buffer.concat([
    controlFrame(frameTypes.ping, Buffer.from([0, 0, 0, 1])),
    dataFrame(3, Buffer.from("hello")),
    dataFrame(3, Buffer.alloc(0), true),
    dataFrame(5, Buffer.alloc(70_000, "x")),
  ]);
  assert.equal(whole.subarray(0, 12).toString("hex"), "800300060000000400000001", "SPDY/3.1, 2.6.5");
  for (const step of [1, 7, 1000, whole.length]) {
    const reader = new SpdyReader();
    const seen: string[] = [];
    for (let at = 0; at < whole.length; at += step)
      for (const frame of reader.read(whole.subarray(at, at + step)))
        seen.push(
          frame.kind === "data"
            ? `${frame.stream} ${frame.bytes.length} ${frame.fin}`
            : `${frame.kind} ${frame.type} ${frame.bytes.toString("hex")}`,
        );
    assert.deepEqual(seen, ["control 6 00000001", "3 5 false", "3 0 true", "5 70000 false"]);
  }
});

test("what is no frame ends it", () => {
  const tooLong = Buffer.from("000000010000ffffff", "hex");
  tooLong[5] = 0xff;
  assert.throws(() => [...new SpdyReader().read(tooLong)], { kind: "limit" });
  assert.throws(() => [...new SpdyReader().read(Buffer.from("8002000100000000", "hex"))], {
    kind: "invalid",
  });
});

/** Blocks of headers as clients send them: one compression, flushed after each. */
async function blocks(...headers: Buffer[]): Promise<Buffer[]> {
  const deflate = createDeflate({ dictionary: spdyDictionary });
  const made: Buffer[] = [];
  for (const each of headers) {
    const chunks: Buffer[] = [];
    deflate.on("data", (chunk: Buffer) => void chunks.push(chunk));
    deflate.write(each);
    await new Promise<void>((resolve) => void deflate.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    deflate.removeAllListeners("data");
    made.push(Buffer.concat(chunks));
  }
  return made;
}

function plain(pairs: readonly (readonly [string, string])[]): Buffer {
  const number = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const text = (value: string): Buffer[] => [number(value.length), Buffer.from(value)];
  return Buffer.concat([number(pairs.length), ...pairs.flat().flatMap(text)]);
}

test("headers of several streams, which share a compression", async () => {
  const reader = new HeaderReader();
  const [first, second] = await blocks(plain([["Streamtype", "error"]]), plain([["streamtype", "stdin"]]));
  assert.deepEqual([...(await reader.read(first as Buffer))], [["streamtype", "error"]]);
  assert.deepEqual([...(await reader.read(second as Buffer))], [["streamtype", "stdin"]]);
  reader.close();
});

test("headers that make no sense, or too many, are refused", async () => {
  for (const bad of [plain([["a", "b"]]).subarray(0, 9), Buffer.alloc(4, 0xff)]) {
    const reader = new HeaderReader();
    const [block] = await blocks(bad);
    await assert.rejects(reader.read(block as Buffer), { kind: "invalid" });
    reader.close();
  }
  const [bomb] = await blocks(plain([["a", "b".repeat(1 << 20)]]));
  await assert.rejects(new HeaderReader().read(bomb as Buffer));
  await assert.rejects(new HeaderReader().read(Buffer.from("not compressed at all")));
});

test("an answer without headers is what a reader of zlib understands", async () => {
  const inflate = createInflate({ dictionary: spdyDictionary });
  const said: Buffer[] = [];
  inflate.on("data", (chunk: Buffer) => void said.push(chunk));
  const replies = [synReply(1, true), synReply(3, false)];
  assert.deepEqual(
    replies.map((each) => each.readUInt32BE(8)),
    [1, 3],
  );
  for (const reply of replies) {
    inflate.write(reply.subarray(12));
    await new Promise<void>((resolve) => void inflate.flush(() => resolve()));
  }
  assert.deepEqual(Buffer.concat(said), Buffer.alloc(8));
});
