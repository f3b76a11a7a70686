/** Exec over SPDY, as crictl and older kubectls have it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import type { Duplex } from "node:stream";
import { after, before, suite, test } from "node:test";
import { constants, createDeflate } from "node:zlib";
import { criMachine, type CriMachine } from "../../../test/support/cri_machine.ts";
import { cannotLive } from "../../../test/support/live_machine.ts";
import * as p from "../protocol/index.ts";
import { spdyDictionary } from "./spdy_dictionary.ts";
import { controlFrame, dataFrame, frameTypes, SpdyReader } from "./spdy_frames.ts";

/** Frames that open streams of these kinds, numbered 1, 3, 5 and so on. */
async function opening(kinds: readonly string[]): Promise<Buffer> {
  const deflate = createDeflate({ dictionary: spdyDictionary });
  const frames: Buffer[] = [];
  for (const [index, kind] of kinds.entries()) {
    const chunks: Buffer[] = [];
    deflate.on("data", (chunk: Buffer) => void chunks.push(chunk));
    const words = ["streamtype", kind].flatMap((word) => [number(word.length), Buffer.from(word)]);
    deflate.write(Buffer.concat([number(1), ...words]));
    await new Promise<void>((resolve) => void deflate.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    deflate.removeAllListeners("data");
    const head = Buffer.concat([number(2 * index + 1), Buffer.alloc(6)]);
    frames.push(controlFrame(frameTypes.synStream, Buffer.concat([head, ...chunks])));
  }
  return Buffer.concat(frames);
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

async function upgrade(url: string): Promise<Duplex> {
  const headers = {
    Connection: "Upgrade",
    Upgrade: "SPDY/3.1",
    "X-Stream-Protocol-Version": "v4.channel.k8s.io",
  };
  const client = request(url, { method: "POST", headers, agent: false });
  client.end();
  const [response, socket, head] = (await once(client, "upgrade")) as [
    { statusCode: number },
    Duplex,
    Buffer,
  ];
  assert.equal(response.statusCode, 101);
  socket.unshift(head);
  return socket;
}

suite("streams over SPDY", { skip: cannotLive, timeout: 60_000 }, () => {
  let host: CriMachine;
  let container: string;
  before(async () => {
    host = await criMachine("none");
    container = await host.run(await host.sandbox("spdy"), "one", "sleep 1000");
  });
  after(() => host[Symbol.asyncDispose]());

  const exec = async (script: string): Promise<Duplex> => {
    const given = {
      containerId: container,
      cmd: ["sh", "-c", script],
      stdin: true,
      stdout: true,
      stderr: true,
    };
    return upgrade((await host.call("Exec", p.ExecRequest, p.StreamResponse, given)).url);
  };

  test("output, input and its end, exit code", async () => {
    const socket = await exec("echo err >&2; cat; exit 5");
    const streams = new Map<number, string>();
    const answered: number[] = [];
    const reader = new SpdyReader();
    socket.write(await opening(["error", "stdin", "stdout", "stderr"]));
    for (let left = 20; left > 0; left--) socket.write(dataFrame(3, Buffer.alloc(30_000, "x")));
    socket.write(dataFrame(3, Buffer.alloc(0), true));
    for await (const chunk of socket as AsyncIterable<Buffer>)
      for (const frame of reader.read(chunk)) {
        if (frame.kind === "data")
          streams.set(frame.stream, (streams.get(frame.stream) ?? "") + frame.bytes.toString());
        else if (frame.type === frameTypes.synReply) answered.push(frame.bytes.readUInt32BE(0));
      }
    assert.deepEqual(answered, [1, 3, 5, 7]);
    assert.equal(streams.get(5), "x".repeat(600_000));
    assert.equal(streams.get(7), "err\n");
    const status = JSON.parse(streams.get(1) ?? "") as Record<string, unknown>;
    assert.deepEqual(status["details"], { causes: [{ reason: "ExitCode", message: "5" }] });
  });

  test("a client that speaks nonsense, or goes away, leaves nothing", async () => {
    for (const nonsense of [
      Buffer.alloc(64, 0xff),
      await opening(Array.from({ length: 20 }, () => "extra")),
    ]) {
      const socket = await exec("sleep 1000");
      socket.write(nonsense);
      socket.resume();
      await once(socket, "close");
    }
    (await exec("true")).destroy();
    assert.deepEqual(host.warnings, []);
  });
});
