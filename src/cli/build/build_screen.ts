/** One terminal or log for all that tells of a build: its steps, transfers, warnings, and a shell in between. */
import type { Progress } from "../../bytes/index.ts";
import type { BuildEvent } from "../../engine/index.ts";
import type { ProgressView } from "../kit/index.ts";
import type { BuildView } from "./types.ts";

export class BuildScreen {
  readonly #view: BuildView;
  readonly #transfers: ProgressView;
  #held: BuildEvent[] | undefined;

  /** @param transfers shows pushes and caches, which come before and after the steps */
  constructor(view: BuildView, transfers: ProgressView) {
    this.#view = view;
    this.#transfers = transfers;
  }

  take(event: BuildEvent): void {
    if (this.#held !== undefined) return void this.#held.push(event);
    this.#transfers.finish();
    this.#view.take(event);
  }

  report(progress: Progress): void {
    this.#view.finish();
    this.#transfers.report(progress);
  }

  warn(message: string): void {
    this.#transfers.finish();
    this.#view.warn(message);
  }

  /** While it is held nothing is shown; what happens meanwhile comes when that ends. */
  hold(isHeld: boolean): void {
    const events = this.#held ?? [];
    this.#held = isHeld ? events : undefined;
    if (isHeld) this.finish();
    else for (const event of events) this.take(event);
  }

  /** Leaves the cursor below all that was shown. Idempotent. */
  finish(): void {
    this.#transfers.finish();
    this.#view.finish();
  }
}
