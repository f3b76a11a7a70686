/** `POST /containers/{id}/attach` and `GET /containers/{id}/attach/ws`: the connection becomes the container's streams (B178). */
import type { Duplex, Writable } from "node:stream";
import { checkDetachKeys, type ContainerRecord, type Daemon } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import { nanoNow } from "../../../oci/index.ts";
import { stayAttached } from "../stay_attached.ts";
import { framed, multiplexedStream, rawStream, type Call } from "../../http/index.ts";

export async function attach(daemon: Daemon, call: Call): Promise<void> {
  const record = await attachable(daemon, call);
  const terminal = record.Config.Tty === true;
  const type = terminal || !call.isAtLeast("1.42") ? rawStream : multiplexedStream;
  const { connection } = call.hijack(type);
  const out = (name: "stdout" | "stderr"): Writable => (terminal ? connection : framed(name, connection));
  await join(daemon, call, record, connection, out);
}

/** Output of both kinds is one stream here, as it is in Docker. */
export async function attachWebSocket(daemon: Daemon, call: Call): Promise<void> {
  const record = await attachable(daemon, call);
  const { connection } = call.webSocket(call.isAtLeast("1.28") ? "binary" : "text");
  await join(daemon, call, record, connection, () => connection);
}

/** @throws Failure in Docker's words, while there still is a status for it (moby, daemon/attach.go, `ContainerAttach`) */
async function attachable(daemon: Daemon, call: Call): Promise<ContainerRecord> {
  checkDetachKeys(call.query.get("detachKeys") ?? "", "detach");
  const record = await daemon.live.find(call.param("id"));
  const { State, ID } = record;
  if (State.Paused) {
    throw new Failure("conflict", `container ${ID} is paused, unpause the container before attach`);
  }
  if (State.Restarting) {
    throw new Failure("conflict", `container ${ID} is restarting, wait until the container is running`);
  }
  return record;
}

async function join(
  daemon: Daemon,
  call: Call,
  record: ContainerRecord,
  connection: Duplex,
  out: (name: "stdout" | "stderr") => Writable,
): Promise<void> {
  const terminal = record.Config.Tty === true;
  const wants = { stdin: call.flag("stdin"), stdout: call.flag("stdout"), stderr: call.flag("stderr") };
  const [stdout, stderr] = [
    wants.stdout ? out("stdout") : undefined,
    wants.stderr ? out("stderr") : undefined,
  ];
  const logs = call.flag("logs");
  if (!call.flag("stream")) {
    if (logs) await replay(daemon, call, record, { stdout, stderr });
    return void connection.end();
  }
  const replayed = Promise.withResolvers<void>();
  const keys = call.query.get("detachKeys") ?? "";
  const input = wants.stdin && record.Config.OpenStdin === true;
  const attachment = await daemon.live.attach(record.ID, {
    stdin: input ? connection : undefined,
    stdout,
    stderr: terminal ? undefined : stderr,
    ...(logs && { ready: replayed.promise }),
    ...(keys !== "" && { detachKeys: keys }),
  });
  try {
    // What is printed from now on comes by the attachment.
    if (logs) await replay(daemon, call, record, { stdout, stderr }, nanoNow());
  } catch (error) {
    attachment.close();
    throw error;
  } finally {
    replayed.resolve();
  }
  await stayAttached(connection, attachment, input);
}

/** What it has printed before, as far as its log has it. @param until in nanoseconds since 1970 */
async function replay(
  daemon: Daemon,
  call: Call,
  { ID }: ContainerRecord,
  to: Readonly<Record<"stdout" | "stderr", Writable | undefined>>,
  until?: bigint,
): Promise<void> {
  const streams = (["stdout", "stderr"] as const).filter((name) => to[name] !== undefined);
  if (streams.length === 0) return;
  const query = { streams, until, signal: call.signal };
  for await (const lines of await daemon.engine.containers.logs(ID, query)) {
    for (const { stream, bytes } of lines) {
      const out = to[stream];
      if (out === undefined || out.destroyed) return;
      await taken(out, bytes);
    }
  }
}

/** Resolves when the client has taken what was before, or is gone. */
function taken(out: Writable, bytes: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => {
    out.off("close", done);
    resolve();
  };
  out.on("close", done);
  out.write(bytes, done);
  return promise;
}
