/** The end that somebody wants. */
import type { ContainerRecord } from "../containers/record.ts";
import type { LiveContainer } from "./live_container.ts";
import { SIGKILL } from "./signals.ts";
import { succeeds, within } from "./within.ts";

/** Seconds between request and kill, unless its config or the caller says otherwise. */
const defaultStopTimeout = 10;

/**
 * Asks its run to end, and kills what does not.
 * @param timeout seconds, -1 for ever; default: its config's
 * @param send sends the container a signal
 */
export async function endRun(
  live: LiveContainer,
  record: ContainerRecord,
  { signal, timeout }: { readonly signal: number; readonly timeout: number | undefined },
  send: (signal: number) => Promise<void>,
): Promise<void> {
  const ended = live.nextExit();
  const { StopTimeout = defaultStopTimeout } = record.Config as { StopTimeout?: number };
  // A runtime that cannot even ask has no use for the patience.
  const isAsked = await succeeds(send(signal));
  if (await within(isAsked ? (timeout ?? StopTimeout) : 0, ended)) return;
  await send(SIGKILL);
  await ended;
}
