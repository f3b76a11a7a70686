/** Passing on the signals that this process gets to a container, as `docker run` does unless `--sig-proxy=false`. */
import { constants } from "node:os";
import { words } from "./words.ts";

/**
 * Not passed on: what cannot be caught; SIGCHLD and SIGPIPE (docker/cli, `ForwardAllSignals`) and SIGURG; what a
 * fault of this very process raises; SIGPROF and SIGVTALRM, which belong to timers.
 */
const kept = new Set<string>(
  words(`
  SIGKILL SIGSTOP SIGCHLD SIGPIPE SIGURG SIGSEGV SIGBUS SIGFPE SIGILL SIGTRAP SIGSYS SIGABRT
  SIGIOT SIGPROF SIGVTALRM
`),
);

/** The signals that {@link proxySignals} passes on. Real-time signals are missing: Node cannot catch them. */
export const proxiedSignals: readonly NodeJS.Signals[] = (
  Object.keys(constants.signals) as NodeJS.Signals[]
).filter((name) => !kept.has(name));

/**
 * Calls `deliver` with the number of each signal that this process gets, instead of what the signal would do.
 * @param except signals that are left to others, such as SIGWINCH where a terminal is watched
 */
export function proxySignals(
  deliver: (signal: number) => void,
  except: readonly NodeJS.Signals[] = [],
): Disposable {
  const names = proxiedSignals.filter((name) => !except.includes(name));
  const listener = (_name: string, number: number): void => deliver(number);
  for (const name of names) process.on(name, listener);
  return {
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, listener);
    },
  };
}
