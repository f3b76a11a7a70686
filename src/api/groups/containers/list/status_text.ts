/** `Up 3 seconds (healthy)`: a container's state for people (moby, container/state.go, `String`). */
import type { ContainerOverview } from "../../../../engine/index.ts";
import { humanDuration } from "../../../../wire/index.ts";

/** @param now milliseconds since 1970 */
export function statusText({ record, status }: ContainerOverview, now: number): string {
  const { ExitCode, StartedAt, FinishedAt } = record.State;
  const since = (time: string): string => humanDuration((now - Date.parse(time)) / 1000);
  switch (status) {
    case "running": {
      const health = healthOf(record);
      const shown = health === "starting" ? "health: starting" : health;
      return `Up ${since(StartedAt)}${shown === "none" ? "" : ` (${shown})`}`;
    }
    case "paused":
      return `Up ${since(StartedAt)} (Paused)`;
    case "restarting":
      return `Restarting (${ExitCode}) ${since(FinishedAt)} ago`;
    case "exited":
      return `Exited (${ExitCode}) ${since(FinishedAt)} ago`;
    case "created":
      return "Created";
    case "dead":
      return "Dead";
    case "removing":
      return "Removal In Progress";
  }
}

/** `none` where nobody looks after it. */
export function healthOf({ State }: ContainerOverview["record"]): string {
  return (State.Health as { readonly Status?: string } | null | undefined)?.Status || "none";
}
