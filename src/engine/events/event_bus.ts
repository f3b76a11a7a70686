/** What happens, told to whoever listens (Engine API, `/events`). */

export type EventType = "container" | "image" | "network" | "volume" | "daemon" | "plugin" | "builder";

/** One event as Docker's API has it. */
export interface EngineEvent {
  readonly Type: EventType;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: "local";
  /** Seconds since 1970. */
  readonly time: number;
  /** Nanoseconds since 1970; a number that JavaScript cannot hold exactly, hence a bigint. */
  readonly timeNano: bigint;
}

/** Events that are kept for `--since` (moby, daemon/events/events.go, `eventsLimit`). */
const kept = 256;

export class EventBus {
  readonly #recent: EngineEvent[] = [];
  #last = 0;
  readonly #listeners = new Set<(event: EngineEvent) => void>();

  tell(type: EventType, action: string, id: string, attributes: Readonly<Record<string, string>> = {}): void {
    // By the clock that clients go by; each later than the one before, also within its millisecond.
    const microseconds = Math.max(Date.now() * 1000, this.#last + 1);
    this.#last = microseconds;
    const event: EngineEvent = {
      Type: type,
      Action: action,
      Actor: { ID: id, Attributes: attributes },
      scope: "local",
      time: Math.floor(microseconds / 1_000_000),
      timeNano: BigInt(microseconds) * 1000n,
    };
    this.#recent.push(event);
    if (this.#recent.length > kept) this.#recent.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** The last events, oldest first. */
  get recent(): readonly EngineEvent[] {
    return this.#recent;
  }

  /** @param listener must not throw */
  listen(listener: (event: EngineEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  get listeners(): number {
    return this.#listeners.size;
  }
}
