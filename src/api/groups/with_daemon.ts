/** Handlers that work on the daemon, as routes take them. */
import type { Daemon } from "../../engine/index.ts";
import type { Call } from "../http/index.ts";

export type DaemonHandler = (daemon: Daemon, call: Call) => Promise<void> | void;

/** Gives a function that hands `daemon` to each handler of a route table. */
export function withDaemon(daemon: Daemon): (handler: DaemonHandler) => (call: Call) => Promise<void> | void {
  return (handler) => (call) => handler(daemon, call);
}
