import type { BuildEvent } from "../../engine/index.ts";

/** Shows what happens in a build. */
export interface BuildView {
  take(event: BuildEvent): void;
  /** What does not fail the build, of other things than the Dockerfile. */
  warn(message: string): void;
  /** Leaves the cursor below all that was shown. Idempotent; it may go on afterwards. */
  finish(): void;
}
