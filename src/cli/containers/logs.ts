import { Writable } from "node:stream";
import type { App } from "../app.ts";
import { daemonOf } from "../daemon_client.ts";
import { brokenConnection, copyRaw, demultiplex, pathOf } from "../engine_client/index.ts";
import { interruptedCode } from "../kit/index.ts";
import { timestamp } from "./timestamp.ts";

export interface LogsFlagValues {
  readonly details: boolean;
  readonly follow: boolean;
  readonly since: string | undefined;
  readonly tail: string;
  readonly timestamps: boolean;
  readonly until: string | undefined;
}

interface Inspected {
  readonly Id: string;
  readonly Config: { readonly Tty: boolean };
}

/** Copies a container's log to our own streams. Returns 0, or 130 after Ctrl-C, which ends `-f`. */
export async function logs(
  app: App,
  container: string,
  flags: LogsFlagValues,
  signal: AbortSignal,
): Promise<number> {
  const client = await daemonOf(app);
  const { Id, Config } = await client.json<Inspected>("GET", pathOf`/containers/${container}/json`, {
    signal,
  });
  const { details, follow, tail, timestamps } = flags;
  const now = Date.now();
  const query = { stdout: true, stderr: true, details, follow, tail, timestamps };
  const stream = await client.stream("GET", pathOf`/containers/${Id}/logs`, {
    query: { ...query, since: timestamp(flags.since, now), until: timestamp(flags.until, now) },
    signal,
  });
  const stdout = app.json ? asObjects(app, "stdout") : app.stdout;
  const stderr = app.json ? asObjects(app, "stderr") : app.stderr;
  try {
    await (Config.Tty ? copyRaw(stream, stdout) : demultiplex(stream, { stdout, stderr }));
  } catch (error) {
    if (signal.aborted) return interruptedCode;
    throw brokenConnection(error);
  }
  return 0;
}

/** The engine frames each message of a log by itself. */
function asObjects(app: App, stream: "stdout" | "stderr"): Writable {
  const decoder = new TextDecoder();
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const text = JSON.stringify({ stream, log: decoder.decode(chunk, { stream: true }) });
      app.stdout.write(`${text}\n`, () => done());
    },
  });
}
