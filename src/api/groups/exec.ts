/** Processes in running containers (Engine API, Exec; behaviour B178). */
import type { ConsoleSize, Daemon, ExecInspect } from "../../engine/index.ts";
import { ApiError, framed, multiplexedStream, rawStream, type Call, type Route } from "../http/index.ts";
import { stayAttached } from "./stay_attached.ts";

export function execRoutes(daemon: Daemon): Route[] {
  const { execs } = daemon.live;
  return [
    { method: "POST", path: "/containers/:id*/exec", handle: (call) => create(daemon, call) },
    { method: "POST", path: "/exec/:id*/start", handle: (call) => start(daemon, call) },
    { method: "POST", path: "/exec/:id*/resize", handle: (call) => resize(daemon, call) },
    {
      method: "GET",
      path: "/exec/:id*/json",
      handle: (call) => call.reply(200, execs.inspect(call.param("id"))),
    },
  ];
}

async function create(daemon: Daemon, call: Call): Promise<void> {
  const Id = await daemon.live.execs.create(call.param("id"), await call.json());
  call.reply(201, { Id });
}

async function start(daemon: Daemon, call: Call): Promise<void> {
  const id = call.param("id");
  const given = await call.json();
  const { execs } = daemon.live;
  const exec = await execs.check(id);
  const size = sizeOf(given["ConsoleSize"]);
  if (given["Detach"] !== true) return attach(daemon, call, exec, size);
  await execs.start(id, { ...(size && { size }) });
  call.done(200);
}

async function attach(
  daemon: Daemon,
  call: Call,
  exec: ExecInspect,
  size: ConsoleSize | undefined,
): Promise<void> {
  const { tty } = exec.ProcessConfig;
  const { connection } = call.hijack(tty || !call.isAtLeast("1.42") ? rawStream : multiplexedStream);
  const out = (name: "stdout" | "stderr") => (tty ? connection : framed(name, connection));
  const stdout = exec.OpenStdout ? out("stdout") : undefined;
  try {
    const attachment = await daemon.live.execs.start(exec.ID, {
      streams: {
        stdin: exec.OpenStdin ? connection : undefined,
        stdout,
        stderr: exec.OpenStderr && !tty ? out("stderr") : undefined,
      },
      ...(size && { size }),
    });
    if (attachment !== undefined) await stayAttached(connection, attachment, exec.OpenStdin);
  } catch (error) {
    // As with Docker: the status was given before, so the text goes where output would.
    (stdout ?? out("stdout")).write(`${(error as Error).message}\r\n`);
    connection.end();
  }
}

async function resize(daemon: Daemon, call: Call): Promise<void> {
  await daemon.live.execs.resize(call.param("id"), call.integer("w") ?? 0, call.integer("h") ?? 0);
  call.done(200);
}

/** `[rows, columns]`. @throws ApiError for something else */
function sizeOf(given: unknown): ConsoleSize | undefined {
  if (given === undefined || given === null) return undefined;
  if (
    !Array.isArray(given) ||
    given.length !== 2 ||
    !given.every((each) => Number.isInteger(each) && each >= 0)
  ) {
    throw new ApiError(400, "invalid ConsoleSize: it is no pair of height and width");
  }
  const [rows, columns] = given as [number, number];
  return { rows, columns };
}
