/** A daemon on a root and a socket of its own, and a client of its API, for tests. */
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { serveDaemon } from "../../src/api/index.ts";
import type { Daemon, EngineEvent } from "../../src/engine/index.ts";
import { scratch } from "../suites/scratch.ts";
import type { EngineFixture } from "./engine_fixture.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly bytes: Buffer;
  readonly text: string;
  /** The body as JSON. */
  json<T = Record<string, unknown>>(): T;
  /** The body as lines of JSON. */
  lines(): Record<string, unknown>[];
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body?: string | Uint8Array | object;
  readonly signal?: AbortSignal;
}

export interface DaemonFixture extends EngineFixture, AsyncDisposable {
  readonly daemon: Daemon;
  /** Path of the socket. */
  readonly socket: string;
  /** All that went wrong behind nobody's call. */
  readonly warnings: string[];
  /** @param path `/images/json`, or with a version: `/v1.41/images/json` */
  ask(path: string, asked?: Asked): Promise<Answer>;
  post(path: string, asked?: Asked): Promise<Answer>;
  /** Events so far, the newest last, as `TYPE ACTION ID`. */
  events(): string[];
  lastEvent(): EngineEvent | undefined;
}

/** Starts the daemon on an empty root. The driver `vfs` needs no privilege. */
export async function daemonFixture(driver: "vfs" | "overlay2" = "vfs"): Promise<DaemonFixture> {
  await using undo = new AsyncDisposableStack();
  const directory = undo.use(scratch("daemon"));
  const socket = join(directory.path, "s");
  const root = join(directory.path, "root");
  const warnings: string[] = [];
  const running = undo.use(
    await serveDaemon({
      root,
      driver,
      hosts: [`unix://${socket}`],
      warn: (text) => void warnings.push(text),
      remote: { daemonJsonPath: "/nonexistent-varve-test", dockerConfigPath: "/nonexistent-varve-test" },
    }),
  );
  const ask = (path: string, asked: Asked = {}): Promise<Answer> => exchange(socket, path, asked);
  const held = undo.move();
  const { daemon } = running;
  return {
    daemon,
    engine: daemon.engine,
    root,
    socket,
    warnings,
    ask,
    post: (path, asked) => ask(path, { method: "POST", ...asked }),
    events: () => daemon.events.recent.map(({ Type, Action, Actor }) => `${Type} ${Action} ${Actor.ID}`),
    lastEvent: () => daemon.events.recent.at(-1),
    [Symbol.dispose]: () => undefined,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** One request on a connection of its own. */
export async function exchange(socketPath: string, path: string, asked: Asked): Promise<Answer> {
  const { method = "GET", headers = {}, body, signal } = asked;
  const isJson = typeof body === "object" && !(body instanceof Uint8Array);
  const message = await new Promise<IncomingMessage>((resolve, reject) => {
    const client = request({
      socketPath,
      path,
      method,
      agent: false,
      headers: { ...(isJson && { "Content-Type": "application/json" }), ...headers },
      ...(signal && { signal }),
    });
    client.on("response", resolve);
    client.on("error", reject);
    client.end(isJson ? JSON.stringify(body) : body);
  });
  const bytes = await buffer(message);
  const text = bytes.toString("utf8");
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    bytes,
    text,
    json: <T>() => JSON.parse(text) as T,
    lines: () =>
      text
        .split("\r\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}
