import type { BuildEvent } from "../../engine/index.ts";

/** Shows what happens in a build. */
export interface BuildView {
  take(event: BuildEvent): void;
  /** Leaves the cursor below all that was shown. Nothing is shown afterwards. Idempotent. */
  finish(): void;
}
