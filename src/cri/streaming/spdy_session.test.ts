/** Exec over SPDY, as crictl and older kubectls have it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { duplexPair, type Duplex } from "node:stream";
import { after, before, suite, test } from "node:test";
import { criMachine, type CriMachine } from "../../../test/support/cri_machine.ts";
import { cannotLive } from "../../../test/support/live_machine.ts";
import { opening, SpdyOpener } from "../../../test/support/spdy_client.ts";
import * as p from "../protocol/index.ts";
import { dataFrame, frameTypes, SpdyReader } from "./spdy_frames.ts";
import { SpdySession } from "./spdy_session.ts";

async function upgrade(url: string, protocol = "v4.channel.k8s.io"): Promise<Duplex> {
  const headers = {
    Connection: "Upgrade",
    Upgrade: "SPDY/3.1",
    "X-Stream-Protocol-Version": protocol,
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

test("a client that does not open its streams in time is let go", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const [near, far] = duplexPair();
  near.on("error", () => undefined);
  const given = { tty: false, stdin: true, stdout: true, stderr: true };
  const begun = SpdySession.begin(far, { kind: "exec", container: "any", ...given });
  near.write(await opening(["error", "stdin"]));
  t.mock.timers.tick(30_000);
  await assert.rejects(begun, { kind: "cancelled" });
  assert.ok(far.destroyed);
});

suite("streams over SPDY", { skip: cannotLive }, () => {
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

  test("a port of the sandbox's own loopback is forwarded", async () => {
    const pod = await host.sandbox("forwarded");
    await host.run(pod, "server", "mkdir /w; echo hello >/w/x; exec httpd -f -p 127.0.0.1:8080 -h /w");
    const { url } = await host.call("PortForward", p.PortForwardRequest, p.StreamResponse, {
      podSandboxId: pod,
    });
    const socket = await upgrade(url, "portforward.k8s.io");
    const opener = new SpdyOpener();
    let heard = "";
    const frames = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const reader = new SpdyReader();
    // Until the server listens.
    for (let data = 3; !heard.endsWith("hello\n"); data += 4) {
      heard = "";
      for (const streamtype of ["error", "data"])
        socket.write(await opener.open({ streamtype, port: "8080", requestid: String(data) }));
      socket.write(dataFrame(data, Buffer.from("GET /x HTTP/1.0\r\n\r\n")));
      for (let isOver = false; !isOver;) {
        for (const frame of reader.read((await frames.next()).value)) {
          if (frame.kind !== "data") continue;
          if (frame.stream === data) heard += frame.bytes.toString();
          isOver ||= frame.stream === data - 2 && frame.fin;
        }
      }
    }
    socket.destroy();
    await assert.rejects(
      host.call("PortForward", p.PortForwardRequest, p.StreamResponse, { podSandboxId: "none" }),
      /No such pod: none/,
    );
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
