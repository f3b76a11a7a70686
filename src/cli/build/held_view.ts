/** A view that is silent while somebody else has the terminal. */
import type { BuildEvent } from "../../engine/index.ts";
import type { BuildView } from "./types.ts";

export class HeldView implements BuildView {
  readonly #view: BuildView;
  #held: BuildEvent[] | undefined;

  constructor(view: BuildView) {
    this.#view = view;
  }

  take(event: BuildEvent): void {
    if (this.#held !== undefined) this.#held.push(event);
    else this.#view.take(event);
  }

  finish(): void {
    this.#view.finish();
  }

  /** What happens meanwhile is shown when it ends. */
  hold(isHeld: boolean): void {
    const events = this.#held ?? [];
    this.#held = isHeld ? events : undefined;
    if (isHeld) this.#view.finish();
    else for (const event of events) this.#view.take(event);
  }
}
