/** What every verb that waits is given. */
import type { Report } from "../../bytes/index.ts";

export interface Waiting {
  readonly signal: AbortSignal;
  readonly report?: Report;
}
