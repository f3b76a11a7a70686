/** `varve daemon`: serves until SIGTERM or SIGINT. */
import { serveDaemon, type ServeDaemonOptions } from "./serve_daemon.ts";

/** Returns the exit code. Says `API listen on …` when it is ready, as dockerd does. */
export async function runDaemon(
  options: Omit<ServeDaemonOptions, "warn">,
  say: (line: string) => void,
): Promise<number> {
  const ended = Promise.withResolvers<void>();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => ended.resolve());
  // A client that goes away is no reason to end.
  process.on("SIGPIPE", () => undefined);
  await using running = await serveDaemon({ ...options, warn: say });
  for (const address of running.addresses) say(`API listen on ${address.replace(/^(unix|tcp):\/\//, "")}`);
  await ended.promise;
  return 0;
}
