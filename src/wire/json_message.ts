/** Progress as the Engine API sends it (moby, pkg/jsonmessage and pkg/streamformatter). */
import { progressBar } from "./progress_bar.ts";

/** What is told of long work: `Progress` of `bytes`. */
interface Told {
  readonly id?: string;
  readonly status: string;
  readonly current?: number;
  readonly total?: number;
}

/**
 * Whether an event belongs to a line of its own that changes, rather than being said once: a layer's 12 digits, or
 * anything with counts. `Pulling from library/alpine` with a tag as id is said once.
 */
export function isRepainted({ id, current }: Told): boolean {
  return id !== undefined && (current !== undefined || /^[0-9a-f]{12}$/.test(id));
}

/** An event as the Engine API sends it: status, progressDetail, progress, id, in this order. */
export function jsonMessage(told: Told): Record<string, unknown> {
  const { id, status, current, total } = told;
  if (!isRepainted(told)) return { status, ...(id === undefined ? {} : { id }) };
  const bar = progressBar(current ?? 0, total ?? 0, 200);
  return {
    status,
    // Go leaves zeros out (omitempty), so that a bare status has {}.
    progressDetail: { ...(current ? { current } : {}), ...(total ? { total } : {}) },
    ...(bar === "" ? {} : { progress: bar }),
    id,
  };
}
