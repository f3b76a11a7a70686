import type { ContainerRecord } from "./record.ts";

/** What a container runs, on one line. Docker quotes arguments that hold a blank, and not the program (moby, container/view.go). */
export function commandText({ Path, Args }: ContainerRecord): string {
  return [Path, ...Args.map((word) => (word.includes(" ") ? `'${word}'` : word))].join(" ");
}
