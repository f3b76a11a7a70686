import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { sampleLayer } from "../../../test/fixtures/sample_image.ts";
import { sessionServing } from "../../../test/support/session_serving.ts";
import { fromBytes } from "../../bytes/index.ts";
import { bidirectional, bytes, codes, GrpcError, message, type Write } from "../../rpc/index.ts";
import { sendFiles, sendStream } from "./index.ts";
import { kindOf, Packet, packetTypes, permissionsOf } from "./packets.ts";

const method = "/moby.filesync.v1.FileSend/DiffCopy";
const signal = new AbortController().signal;
const place = { temporaryDirectory: tmpdir(), signal };
const Piece = message({ data: bytes(1) });

test("a result as one stream; a client that cannot write it", async () => {
  const parts: Buffer[] = [];
  const exporters: unknown[] = [];
  const take = bidirectional(Piece, Piece, async function* (pieces, { headers }) {
    exporters.push(headers["buildkit-attachable-exporter-id"]);
    for await (const { data } of pieces) parts.push(Buffer.from(data));
    yield* [];
  });
  using client = sessionServing({ [method]: take });
  const large = Buffer.alloc(3_000_000, "abc");
  await sendStream(client.session, { exporter: 1, signal })(fromBytes(large));
  assert.ok(Buffer.concat(parts).equals(large));
  assert.deepEqual(exporters, ["1"]);
  const refuse = bidirectional(Piece, Piece, async function* () {
    yield* [];
    throw new GrpcError(codes.unknown, "disk full");
  });
  using full = sessionServing({ [method]: refuse });
  const endless = (async function* () {
    for (;;) yield Buffer.alloc(100_000);
  })();
  await assert.rejects(sendStream(full.session, { signal })(endless), { message: "disk full" });
  using useless = sessionServing({});
  await assert.rejects(sendStream(useless.session, { signal })(fromBytes(large)), { kind: "invalid" });
});

/** Takes the list, then all files of it, one after the other. */
const receiving = (got: Map<string, string>, more: (asked: number) => Write<typeof Packet>[] = () => []) =>
  bidirectional(Packet, Packet, async function* (packets) {
    const listed: string[] = [];
    const left: number[] = [];
    for await (const { type, stat, id, data } of packets) {
      if (type === packetTypes.stat && stat !== undefined) {
        const path = Buffer.from(stat.path).toString();
        const linkname = Buffer.from(stat.linkname).toString();
        if (kindOf(stat.mode) === "file" && linkname === "") left.push(listed.length);
        listed.push(path);
        got.set(path, `${kindOf(stat.mode)} ${permissionsOf(stat.mode).toString(8)} ${linkname}`.trim());
        continue;
      }
      const name = listed[id] as string;
      if (type === packetTypes.data && data.length > 0) {
        got.set(name, `${got.get(name)} ${Buffer.from(data).toString()}`);
        continue;
      }
      if (type === packetTypes.end) return;
      const next = left.shift();
      yield next === undefined ? { type: packetTypes.end } : { type: packetTypes.request, id: next };
      yield* more(next ?? -1);
    }
  });

test("a result as files, in the order that the client checks", async () => {
  const { tar } = await sampleLayer({ "a-b": "1", "a/z": "2", "a/y": "", c: "3" });
  const got = new Map<string, string>();
  using client = sessionServing({ [method]: receiving(got) });
  await sendFiles(client.session, fromBytes(tar), place);
  assert.deepEqual(
    [...got],
    [
      ["a", "directory 755"],
      ["a/y", "file 644"],
      ["a/z", "file 644 2"],
      ["a-b", "file 644 1"],
      ["c", "file 644 3"],
    ],
  );
});

test("a client that asks for what is not there, or twice, or gives up", async () => {
  const { tar } = await sampleLayer({ a: "1", b: "2" });
  const told: readonly (readonly [Write<typeof Packet>, string])[] = [
    [{ type: packetTypes.request, id: 9 }, "invalid"],
    [{ type: packetTypes.request, id: 0 }, "invalid"],
    [{ type: packetTypes.error, data: Buffer.from("no room") }, "unavailable"],
  ];
  for (const [packet, kind] of told) {
    using client = sessionServing({
      [method]: receiving(new Map(), (asked) => (asked === 0 ? [packet] : [])),
    });
    await assert.rejects(sendFiles(client.session, fromBytes(tar), place), { kind });
  }
});
