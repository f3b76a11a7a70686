/** Processes in running containers (Engine API, Exec; behaviour B178). */
import type { ConsoleSize, Daemon, ExecInspect } from "../../engine/index.ts";
import {
  framed,
  integer,
  list,
  multiplexedStream,
  pairOf,
  pointer,
  rawStream,
  readBody,
  struct,
  text,
  truth,
  type Call,
  type ReadOf,
  type Route,
} from "../http/index.ts";
import { stayAttached } from "./stay_attached.ts";
import { terminalSize } from "./terminal_size.ts";

const createShape = struct("types.ExecConfig", {
  User: text,
  Privileged: truth,
  Tty: truth,
  AttachStdin: truth,
  AttachStderr: truth,
  AttachStdout: truth,
  DetachKeys: text,
  Env: list(text),
  WorkingDir: text,
  Cmd: list(text),
  ConsoleSize: pointer(pairOf(integer("uint"))),
});
const startShape = struct("types.ExecStartCheck", {
  Detach: truth,
  Tty: truth,
  ConsoleSize: pointer(pairOf(integer("uint"))),
});

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

type StartOptions = ReadOf<typeof startShape>;

async function create(daemon: Daemon, call: Call): Promise<void> {
  const { ConsoleSize, ...given } = readBody(createShape, await call.json());
  const sized = call.isAtLeast("1.42") && ConsoleSize !== null ? { ...given, ConsoleSize } : given;
  const Id = await daemon.live.execs.create(call.param("id"), sized);
  call.reply(201, { Id });
}

async function start(daemon: Daemon, call: Call): Promise<void> {
  const id = call.param("id");
  const given = readBody(startShape, await call.json());
  const { execs } = daemon.live;
  const exec = await execs.check(id);
  if (!given.Detach) return attach(daemon, call, exec, given);
  const size = sizeOf(given);
  await execs.start(id, { ...(size && { size }) });
  call.done(200);
}

/**
 * How the output is sent is what the start says of a terminal, whatever the exec has: the client reads it by that, and
 * without a terminal's stream there is none for errors (moby, server/router/container/exec.go).
 */
async function attach(daemon: Daemon, call: Call, exec: ExecInspect, given: StartOptions): Promise<void> {
  const { Tty } = given;
  const { connection } = call.hijack(Tty || !call.isAtLeast("1.42") ? rawStream : multiplexedStream);
  const out = (name: "stdout" | "stderr") => (Tty ? connection : framed(name, connection));
  const stdout = exec.OpenStdout ? out("stdout") : undefined;
  const size = sizeOf(given);
  try {
    const attachment = await daemon.live.execs.start(exec.ID, {
      streams: {
        stdin: exec.OpenStdin ? connection : undefined,
        stdout,
        stderr: exec.OpenStderr && !Tty ? out("stderr") : undefined,
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
  const { columns, rows } = terminalSize(call);
  await daemon.live.execs.resize(call.param("id"), columns, rows);
  call.done(200);
}

function sizeOf({ ConsoleSize, Tty }: StartOptions): ConsoleSize | undefined {
  if (ConsoleSize === null || !Tty) return undefined;
  const [rows, columns] = ConsoleSize;
  return { rows, columns };
}
