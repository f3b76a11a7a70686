/** `exec`: another process in a daemon's container (Engine API, Exec). */
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "../../errors.ts";
import { line, type App } from "../app.ts";
import { daemonOf } from "../daemon_client.ts";
import { joinStreams, pathOf, type EngineClient } from "../engine_client/index.ts";
import { environment } from "../environment.ts";

export interface ExecFlagValues {
  readonly detach: boolean;
  readonly "detach-keys": string | undefined;
  readonly env: readonly string[];
  readonly "env-file": readonly string[];
  readonly interactive: boolean;
  readonly privileged: boolean;
  readonly tty: boolean;
  readonly user: string | undefined;
  readonly workdir: string | undefined;
}

/** Returns the command's exit code; with `-d` 0 once it runs. */
export async function exec(app: App, flags: ExecFlagValues, args: readonly string[]): Promise<number> {
  const [container = "", ...Cmd] = args;
  const { tty: Tty, detach, interactive } = flags;
  if (Tty && interactive && !detach && app.stdin.isTTY !== true) {
    throw new Failure("invalid", "the input device is not a TTY");
  }
  const client = await daemonOf(app);
  const { columns, rows } = app.stdout;
  const ConsoleSize = Tty && app.stdout.isTTY && client.isAtLeast("1.42") ? [rows, columns] : undefined;
  const { Id } = await client.json<{ readonly Id: string }>("POST", pathOf`/containers/${container}/exec`, {
    body: {
      AttachStdin: interactive && !detach,
      AttachStdout: !detach,
      AttachStderr: !detach,
      Cmd,
      ConsoleSize,
      DetachKeys: flags["detach-keys"],
      Env: await environment(flags.env, flags["env-file"]),
      Privileged: flags.privileged,
      Tty,
      User: flags.user ?? "",
      WorkingDir: flags.workdir ?? "",
    },
  });
  const start = { Detach: detach, Tty, ConsoleSize };
  if (!detach) return attached(app, client, Id, flags, start);
  await client.json("POST", pathOf`/exec/${Id}/start`, { body: start });
  if (app.json) line(app, JSON.stringify({ Id }));
  return 0;
}

async function attached(
  app: App,
  client: EngineClient,
  id: string,
  flags: ExecFlagValues,
  body: object,
): Promise<number> {
  const end = await joinStreams({
    connection: await client.hijack(pathOf`/exec/${id}/start`, { body }),
    terminal: flags.tty,
    stdin: flags.interactive ? app.stdin : undefined,
    stdout: app.stdout,
    stderr: app.stderr,
    detachKeys: flags["detach-keys"],
    resize: (columns, rows) => resize(client, id, columns, rows),
  });
  if (end === "detached") throw new Failure("invalid", "read escape sequence");
  const { ExitCode } = await client.json<{ readonly ExitCode: number | null }>(
    "GET",
    pathOf`/exec/${id}/json`,
  );
  return ExitCode ?? 0;
}

/** Milliseconds to wait before each attempt: the process is there some time after its streams (docker/cli, tty.go). */
const attempts = [0, 10, 20, 40, 80, 160, 320];

async function resize(client: EngineClient, id: string, columns: number, rows: number): Promise<void> {
  for (const wait of attempts) {
    await delay(wait);
    try {
      await client.json("POST", pathOf`/exec/${id}/resize`, { query: { h: rows, w: columns } });
      return;
    } catch {
      // Not there yet, or not any more.
    }
  }
}
