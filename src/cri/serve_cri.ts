/** The CRI as a program: opens the root, listens, serves until it is told to end. */
import type { Server } from "node:net";
import { closeServer, listen, parseHost } from "../api/index.ts";
import { openDaemon, type Daemon, type DaemonOptions } from "../engine/index.ts";
import { Failure } from "../errors.ts";
import { createGrpcServer } from "../rpc/index.ts";
import { criMethods } from "./services/methods.ts";
import { serveStreams } from "./streaming/index.ts";

export interface ServeCriOptions extends DaemonOptions {
  /** `unix:///path`. */
  readonly host: string;
  /** Of sandboxes that ask for one of their own. */
  readonly network: string;
}

export interface RunningCri extends AsyncDisposable {
  readonly daemon: Daemon;
  /** As `host`. */
  readonly address: string;
}

/**
 * Resolves when it accepts connections. Disposing leaves pods and containers running.
 * @throws Failure where it cannot listen, another server has the root, or there is no such network
 */
export async function serveCri(options: ServeCriOptions): Promise<RunningCri> {
  criHost(options.host);
  await using undo = new AsyncDisposableStack();
  const daemon = undo.use(await openDaemon(options));
  const { address } = undo.use(await serveCriOn(daemon, options));
  const parts = undo.move();
  return { daemon, address, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** On a daemon that is there, and that others may use as well. As {@link serveCri}. */
export async function serveCriOn(
  daemon: Daemon,
  { host, network, warn }: Pick<ServeCriOptions, "host" | "network" | "warn">,
): Promise<Pick<RunningCri, "address"> & AsyncDisposable> {
  await using undo = new AsyncDisposableStack();
  if (network !== "none") await daemon.engine.networks.inspect(network);
  const streams = undo.use(await serveStreams(daemon));
  const onError = (error: unknown, where: string): void =>
    warn(`${where}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  const server: Server = createGrpcServer(criMethods({ daemon, streams, network }), onError);
  undo.defer(closeServer(server));
  const address = await listen(server, criHost(host), { group: undefined, verified: false });
  const parts = undo.move();
  return { address, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** @throws Failure("invalid") for what is no unix socket */
export function criHost(text: string): Extract<ReturnType<typeof parseHost>, { kind: "unix" }> {
  const host = parseHost(text, false);
  if (host.kind === "unix") return host;
  throw new Failure("invalid", `listen on ${text}: Kubernetes comes by a unix socket`, {
    hint: "Give unix:///path/to.sock.",
  });
}
