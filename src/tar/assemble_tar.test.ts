import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { arbitraryFiles } from "../../test/support/arbitrary_tar.ts";
import { inChunks } from "../../test/support/bytes_help.ts";
import { goldenTar } from "../../test/support/golden_tar.ts";
import { splitTar, tarFile, tarOf, type SplitTar } from "../../test/support/tar_help.ts";
import { fromBytes } from "../bytes/index.ts";
import { isFailure } from "../errors.ts";
import { assembleTar, type SplitFile } from "./index.ts";

/** A file that gives at most `most` bytes a read. */
function fileOf(content: Buffer, most = Infinity, closed: () => void = () => undefined): SplitFile {
  let at = 0;
  return {
    read(into) {
      const read = content.copy(into, 0, at, Math.min(content.length, at + most));
      at += read;
      return read;
    },
    close: closed,
  };
}

function contentOf(files: SplitTar["files"], name: string): Buffer {
  const content = files.get(name);
  assert.ok(content !== undefined, `${name} is no file of the archive`);
  return content;
}

async function rebuild(
  { record, files }: SplitTar,
  lineChunk = record.length || 1,
  most = Infinity,
): Promise<Buffer> {
  const source = assembleTar(inChunks(record, lineChunk), (name) => fileOf(contentOf(files, name), most), {
    chunkSize: 1000,
  });
  return Buffer.concat(await Array.fromAsync(source));
}

test("B140: segments and files make the exact archive: hard links, PAX, whiteouts, odd names, junk at the end", async () => {
  const bytes = goldenTar();
  for (const lineChunk of [7, 1000, 1 << 20]) {
    assert.ok(
      (await rebuild(splitTar(bytes), lineChunk, 13)).equals(bytes),
      `lines in chunks of ${lineChunk}`,
    );
  }
});

test("B140: any archive that can be taken apart is made again, also a mutilated one", async () => {
  const mutations = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 });
  let whole = 0;
  await fc.assert(
    fc.asyncProperty(
      arbitraryFiles,
      mutations,
      fc.integer({ min: 1, max: 4000 }),
      async (files, changes, size) => {
        const bytes = tarOf(files, { nanoseconds: true });
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        let split: SplitTar;
        try {
          split = splitTar(bytes, size);
        } catch (error) {
          return fc.pre(!isFailure(error)); // another test's concern: what is malformed is refused
        }
        whole++;
        assert.ok((await rebuild(split, size)).equals(bytes));
      },
    ),
    { numRuns: 100 },
  );
  assert.ok(whole >= 100);
});

const layer = splitTar(tarOf([tarFile({ path: "a" }, "content of a"), tarFile({ path: "b" }, "b")]));

for (const [name, content] of [
  ["changed", "Content of a"],
  ["cut off", "content of"],
  ["gone but for its name", ""],
] as const) {
  test(`a file that is ${name} is told with Docker's text`, async () => {
    const files = new Map([...layer.files, ["a", Buffer.from(content)]]);
    await assert.rejects(rebuild({ ...layer, files }), {
      kind: "corrupt",
      message: 'file integrity checksum failed for "a"',
    });
  });
}

test("each file is closed, also when it fails and on early return", async () => {
  let open = 0;
  const opening = (content: Buffer) => {
    open++;
    return fileOf(content, Infinity, () => open--);
  };
  await Array.fromAsync(
    assembleTar(fromBytes(layer.record), (name) => opening(contentOf(layer.files, name))),
  );
  assert.equal(open, 0);
  await assert.rejects(
    Array.fromAsync(assembleTar(fromBytes(layer.record), () => opening(Buffer.from("wrong")))),
  );
  assert.equal(open, 0);
  const source = assembleTar(fromBytes(layer.record), (name) => opening(contentOf(layer.files, name)), {
    chunkSize: 515,
  });
  for await (const chunk of source) if (chunk.length > 0) break; // in the middle of a
  assert.equal(open, 0);
});

test("what openFile throws passes", async () => {
  const error = new Error("no such file");
  const opening = () => {
    throw error;
  };
  await assert.rejects(Array.fromAsync(assembleTar(fromBytes(layer.record), opening)), error);
});

test("files may be read asynchronously", async () => {
  const open = async (name: string): Promise<SplitFile> => {
    const file = fileOf(contentOf(layer.files, name), 3);
    return { read: async (into) => file.read(into), close: async () => file.close() };
  };
  const rebuilt = Buffer.concat(await Array.fromAsync(assembleTar(fromBytes(layer.record), open)));
  assert.ok(rebuilt.equals(await rebuild(layer)));
});

test("lines that other writers spell otherwise are read too", async () => {
  const segment = Buffer.from("raw").toString("base64");
  const text = [
    `{"position":0,"payload":"${segment}","type":2}`,
    "",
    `{"type": 1, "name": "\\u0061", "size": 1, "payload": "IxAAAAAAAAA=", "position": 1}`,
    `{"type":1,"name_raw":"/w==","size":1,"payload":"IqAAAAAAAAA=","position":2}\r`,
    `{"type":1,"name":"none","payload":null,"position":3}`,
    `{"type":2,"payload":null,"position":4}`,
    `{"type":2,"payload":"${segment}","position":5}`,
  ].join("\n");
  const files = new Map([
    ["a", Buffer.from("x")],
    ["\xff", Buffer.from("y")],
  ]);
  assert.equal((await rebuild({ record: Buffer.from(text), files })).toString("latin1"), "rawxyraw");
});

for (const [text, message] of [
  ["no json", /^tar-split record: line 1 is not JSON$/],
  ['{"type":2,"payload":"AAAA"', /line 1 is not JSON/],
  ['{"type":2,"payload":"","position":0}\n{"type":3,"position":1}', /line 2 is neither a segment nor a file/],
  ["null", /line 1 is neither/],
  ['{"type":1,"name":7,"size":1}', /line 1 is neither/],
  ['{"type":1,"name":"a","size":"1"}', /line 1 is neither/],
  ['{"type":2,"payload":{}}', /line 1 is neither/],
] as const) {
  test(`the record ${text} is corrupt`, async () => {
    await assert.rejects(
      rebuild({ record: Buffer.from(text), files: new Map() }),
      (error: Error) => isFailure(error, "corrupt") && message.test(error.message),
    );
  });
}

test("a line without end is stopped", async () => {
  async function* endlessLine() {
    for (;;) yield Buffer.alloc(1 << 22, "A");
  }
  await assert.rejects(Array.fromAsync(assembleTar(endlessLine(), () => fileOf(Buffer.alloc(0)))), (error) =>
    isFailure(error, "limit"),
  );
});
