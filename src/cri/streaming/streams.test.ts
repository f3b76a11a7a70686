/** Exec and attach over web sockets; what no client may send. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { after, before, suite, test } from "node:test";
import { criMachine, type CriMachine } from "../../../test/support/cri_machine.ts";
import { cannotLive } from "../../../test/support/live_machine.ts";
import type { Write } from "../../rpc/index.ts";
import * as p from "../protocol/index.ts";

/** What came on each channel. */
interface Spoken {
  readonly socket: WebSocket;
  text(channel: number): string;
  /** Resolves when the channel has said that. */
  said(channel: number, text: string): Promise<void>;
  readonly closed: Promise<unknown>;
}

suite("streams over web sockets", { skip: cannotLive }, () => {
  let host: CriMachine;
  let pod: string;
  /** One that sleeps. */
  let id: string;
  before(async () => {
    host = await criMachine("none");
    pod = await host.sandbox("streams");
    id = await host.run(pod, "one", "sleep 1000");
  });
  after(() => host[Symbol.asyncDispose]());

  const execUrl = async (containerId: string, more: Write<typeof p.ExecRequest>): Promise<string> =>
    (await host.call("Exec", p.ExecRequest, p.StreamResponse, { containerId, stdout: true, ...more })).url;

  async function open(url: string, protocol = "v5.channel.k8s.io"): Promise<Spoken> {
    const socket = new WebSocket(url.replace("http", "ws"), [protocol]);
    socket.binaryType = "arraybuffer";
    const heard = new Map<number, Buffer[]>();
    socket.addEventListener("message", ({ data }) => {
      const bytes = Buffer.from(data as ArrayBuffer);
      const channel = bytes[0] as number;
      heard.set(channel, [...(heard.get(channel) ?? []), bytes.subarray(1)]);
    });
    const closed = new Promise((resolve) => void socket.addEventListener("close", resolve));
    const text = (channel: number): string => Buffer.concat(heard.get(channel) ?? []).toString();
    const said = async (channel: number, wanted: string): Promise<void> => {
      while (!text(channel).includes(wanted)) await once(socket, "message");
    };
    await once(socket, "open");
    assert.equal(socket.protocol, protocol);
    return { socket, text, said, closed };
  }
  const send = ({ socket }: Spoken, channel: number, text: string): void =>
    socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(text)]));

  test("exec: output, input and its end, exit code", async () => {
    const command = { cmd: ["sh", "-c", "echo err >&2; cat; exit 4"], stdin: true, stderr: true };
    const spoken = await open(await execUrl(id, command));
    send(spoken, 0, "x".repeat(200_000));
    send(spoken, 0, "end\n");
    send(spoken, 255, "\0");
    await spoken.closed;
    assert.equal(spoken.text(1), `${"x".repeat(200_000)}end\n`);
    assert.equal(spoken.text(2), "err\n");
    const status = JSON.parse(spoken.text(3)) as Record<string, unknown>;
    assert.deepEqual([status["status"], status["reason"]], ["Failure", "NonZeroExitCode"]);
    assert.deepEqual(status["details"], { causes: [{ reason: "ExitCode", message: "4" }] });
  });

  test("exec on a terminal that changes its size", async () => {
    const spoken = await open(
      await execUrl(id, { cmd: ["sh"], stdin: true, tty: true }),
      "v4.channel.k8s.io",
    );
    send(spoken, 4, '{"Width":91,"Height":33}');
    send(spoken, 4, "nonsense");
    send(spoken, 0, "while [ $(stty size | tr -d ' ') != 3391 ]; do :; done; echo si''zed\r");
    await spoken.said(1, "\nsized");
    send(spoken, 0, "exit\r");
    await spoken.closed;
    assert.equal((JSON.parse(spoken.text(3)) as { status: string }).status, "Success");
  });

  test("attach: what the first process says and is told", async () => {
    const reader = await host.run(pod, "attach", "read word; echo got $word; exit 0", { stdin: true });
    const { url } = await host.call("Attach", p.AttachRequest, p.StreamResponse, {
      containerId: reader,
      stdin: true,
      stdout: true,
    });
    const spoken = await open(url);
    send(spoken, 0, "hello\n");
    await spoken.closed;
    assert.equal(spoken.text(1), "got hello\n");
  });

  test("what cannot be run is told to the client", async () => {
    const spoken = await open(await execUrl(id, { cmd: ["/none"] }));
    await spoken.closed;
    const status = JSON.parse(spoken.text(3)) as { status: string; message: string };
    assert.equal(status.status, "Failure");
    assert.match(status.message, /none/);
  });

  test("a URL is good once, and for nothing else", async () => {
    const url = await execUrl(id, { cmd: ["true"] });
    const statusOf = (path: string, headers: Readonly<Record<string, string>>): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const client = request(new URL(path, url), { headers, agent: false });
        client.on("response", (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        client.on("error", reject);
        client.end();
      });
    const upgrade = { Connection: "Upgrade", Upgrade: "websocket" };
    assert.equal(await statusOf("/exec/none", upgrade), 404);
    assert.equal(await statusOf(url, {}), 404);
    assert.equal(await statusOf(url, upgrade), 400, "no protocol is asked for");
    assert.equal(await statusOf(url, upgrade), 404);
  });
});
