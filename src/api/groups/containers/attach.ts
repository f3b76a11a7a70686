/** `POST /containers/{id}/attach`: the connection becomes the container's streams (B178). */
import type { Daemon } from "../../../engine/index.ts";
import { framed, multiplexedStream, rawStream, type Call } from "../../http/index.ts";

export async function attach(daemon: Daemon, call: Call): Promise<void> {
  const id = call.param("id");
  const { Config } = await daemon.live.find(id);
  const wants = { stdin: call.flag("stdin"), stdout: call.flag("stdout"), stderr: call.flag("stderr") };
  const terminal = Config.Tty === true;
  const keys = call.query.get("detachKeys") ?? "";
  const type = terminal || !call.isAtLeast("1.42") ? rawStream : multiplexedStream;
  const { connection } = call.hijack(type);
  const out = (name: "stdout" | "stderr") => (terminal ? connection : framed(name, connection));
  const attachment = await daemon.live.attach(id, {
    stdin: wants.stdin && call.flag("stream") ? connection : undefined,
    stdout: wants.stdout ? out("stdout") : undefined,
    stderr: wants.stderr && !terminal ? out("stderr") : undefined,
    ...(keys !== "" && { detachKeys: keys }),
  });
  connection.once("close", () => attachment.close());
  // Without input its end is how we learn that the client has gone.
  if (!wants.stdin) connection.resume();
  await attachment.ended;
  connection.end();
}
