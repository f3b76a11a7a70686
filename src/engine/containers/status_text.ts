/** `Up 3 seconds (healthy)`: a container's state for people (moby, container/state.go, `String`). */
import { humanDuration } from "../../wire/index.ts";
import type { ContainerSummary } from "./list.ts";

type StatusShown = Pick<ContainerSummary, "status" | "exitCode" | "startedAt" | "finishedAt"> & {
  readonly health?: string | undefined;
};

/** @param now milliseconds since 1970 */
export function statusText(
  { status, health, exitCode, startedAt, finishedAt }: StatusShown,
  now: number,
): string {
  const since = (time: string): string => humanDuration((now - Date.parse(time)) / 1000);
  switch (status) {
    case "running": {
      const shown = health === "starting" ? "health: starting" : health;
      return `Up ${since(startedAt)}${shown === undefined ? "" : ` (${shown})`}`;
    }
    case "paused":
      return `Up ${since(startedAt)} (Paused)`;
    case "restarting":
      return `Restarting (${exitCode}) ${since(finishedAt)} ago`;
    case "exited":
      return `Exited (${exitCode}) ${since(finishedAt)} ago`;
    case "created":
      return "Created";
    case "dead":
      return "Dead";
    case "removing":
      return "Removal In Progress";
  }
}
