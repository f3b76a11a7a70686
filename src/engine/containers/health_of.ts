import type { ContainerState } from "./record.ts";

/** `starting`, `healthy` or `unhealthy`; undefined where nobody looks after it. */
export function healthOf({ Health }: ContainerState): string | undefined {
  const { Status = "" } = (Health ?? {}) as { readonly Status?: string };
  return ["", "none"].includes(Status) ? undefined : Status;
}
