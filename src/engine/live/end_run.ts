/** Signals, and the end that somebody wants. */
import { isFailure } from "../../errors.ts";
import type { ContainerRecord } from "../containers/record.ts";
import type { EventBus } from "../events/event_bus.ts";
import { tellContainer } from "../events/tell_container.ts";
import type { LiveContainer } from "./live_container.ts";
import { succeeds, within } from "./within.ts";

/** Seconds between request and kill, unless its config or the caller says otherwise. */
const defaultStopTimeout = 10;

export const SIGKILL = 9;

/** One that has ended by itself meanwhile is no failure. */
export async function sendSignal(
  { run }: LiveContainer,
  record: ContainerRecord,
  signal: number,
  events: EventBus,
): Promise<void> {
  try {
    await (signal === SIGKILL ? run?.task.end() : run?.task.kill(signal));
  } catch (error) {
    // Its shim goes as soon as its end is known; one that is killed takes the run along.
    if (!isFailure(error, "not-found") && !isFailure(error, "unavailable")) throw error;
  }
  tellContainer(events, "kill", record, { signal: String(signal) });
}

/** Asks its run to end, and kills what does not. @param timeout seconds, -1 for ever; default: its config's */
export async function endRun(
  live: LiveContainer,
  record: ContainerRecord,
  { signal, timeout }: { readonly signal: number; readonly timeout: number | undefined },
  events: EventBus,
): Promise<void> {
  const ended = live.nextExit();
  const { StopTimeout = defaultStopTimeout } = record.Config as { StopTimeout?: number };
  // A runtime that cannot even ask has no use for the patience.
  const isAsked = await succeeds(sendSignal(live, record, signal, events));
  if (await within(isAsked ? (timeout ?? StopTimeout) : 0, ended)) return;
  await sendSignal(live, record, SIGKILL, events);
  await ended;
}
