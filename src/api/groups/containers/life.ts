/** Starting, ending and waiting (B178). */
import type { Daemon, WaitCondition } from "../../../engine/index.ts";
import { Failure, isFailure } from "../../../errors.ts";
import { ApiError, type Call } from "../../http/index.ts";
import { terminalSize } from "../terminal_size.ts";

export async function start(daemon: Daemon, call: Call): Promise<void> {
  const id = call.param("id");
  refuseBody(call);
  if ((call.query.get("checkpoint") ?? "") !== "")
    throw new Failure("invalid", "checkpoint is only supported in experimental mode");
  const { State } = await daemon.live.find(id);
  if (State.Running && !State.Restarting && !State.Paused) return call.done(304);
  await daemon.live.start(id);
  call.done();
}

/** Very old clients say only now what the container is to be like; `null` and `{}` are let through, as by Docker. */
function refuseBody({ request: { headers } }: Call): void {
  if (Number(headers["content-length"] ?? 0) <= 7 && headers["transfer-encoding"] === undefined) return;
  throw new Failure(
    "invalid",
    "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24",
  );
}

export async function stop(daemon: Daemon, call: Call): Promise<void> {
  const [id, options] = [call.param("id"), stopOptions(call)];
  const { State } = await daemon.live.find(id);
  if (!State.Running) return call.done(304);
  await daemon.live.stop(id, options);
  call.done();
}

export async function restart(daemon: Daemon, call: Call): Promise<void> {
  await daemon.live.restart(call.param("id"), stopOptions(call));
  call.done();
}

function stopOptions(call: Call): { readonly signal?: string; readonly timeout?: number } {
  const [timeout, signal] = [call.integer("t"), call.query.get("signal") ?? ""];
  return { ...(timeout !== undefined && { timeout }), ...(signal !== "" && { signal }) };
}

export async function kill(daemon: Daemon, call: Call): Promise<void> {
  const [id, signal] = [call.param("id"), call.query.get("signal") ?? ""];
  try {
    await daemon.live.kill(id, signal === "" ? "SIGKILL" : signal);
  } catch (error) {
    if (!isFailure(error, "not-found")) throw error;
    throw new Failure("not-found", `Cannot kill container: ${id}: ${error.message}`, { cause: error });
  }
  call.done();
}

export async function pause(daemon: Daemon, call: Call): Promise<void> {
  await daemon.live.pause(call.param("id"));
  call.done();
}

export async function unpause(daemon: Daemon, call: Call): Promise<void> {
  await daemon.live.unpause(call.param("id"));
  call.done();
}

export async function remove(daemon: Daemon, call: Call): Promise<void> {
  const id = call.param("id");
  if (call.flag("link")) {
    await daemon.engine.networks.removeLink(id);
    return call.done();
  }
  await daemon.live.remove(id, {
    force: call.flag("force"),
    volumes: call.flag("v"),
  });
  call.done();
}

const conditions: readonly WaitCondition[] = ["not-running", "next-exit", "removed"];

/** The head of the answer goes out at once: a client that starts the container next knows then that nothing is missed. */
export async function wait(daemon: Daemon, call: Call): Promise<void> {
  const given = call.query.get("condition") ?? "";
  const condition = conditions.find((each) => each === (given === "" ? "not-running" : given));
  if (condition === undefined) throw new ApiError(400, `invalid condition: ${JSON.stringify(given)}`);
  const id = (await daemon.live.find(call.param("id"))).ID;
  const ending = daemon.live.wait(id, condition, call.signal);
  ending.catch(() => undefined);
  const response = call.stream("application/json");
  const { exitCode, error } = await ending;
  response.end(
    `${JSON.stringify({ StatusCode: exitCode, ...(error !== undefined && { Error: { Message: error } }) })}\n`,
  );
}

export async function resize(daemon: Daemon, call: Call): Promise<void> {
  const { columns, rows } = terminalSize(call);
  await daemon.live.resize(call.param("id"), columns, rows);
  call.done(200);
}
