/**
 * Sessions of BuildKit's clients (moby/buildkit, session/manager.go): a connection on which the client serves what a build
 * may ask it for, such as files, secrets and credentials.
 */
import type { Duplex } from "node:stream";
import { Failure } from "../../errors.ts";
import { Arrivals } from "./arrivals.ts";
import { Session, type Introduction } from "./session.ts";

export interface SessionsOptions {
  /** Milliseconds for which a build waits for its session (default 10,000; BuildKit's own are 5,000). */
  readonly patience?: number;
}

const longestId = 256;
/** Connections cost memory; a client that has this many has lost count. */
const mostSessions = 1000;

export class Sessions {
  readonly #open = new Map<string, Session>();
  readonly #arrivals: Arrivals<Session>;

  constructor({ patience = 10_000 }: SessionsOptions = {}) {
    this.#arrivals = new Arrivals(patience);
  }

  /** @throws Failure("conflict"), Failure("invalid"), Failure("limit") where {@link take} would */
  check(id: string): void {
    if (id === "" || id.length > longestId)
      throw new Failure("invalid", "the session has no ID, or a long one");
    if (this.#open.has(id)) throw new Failure("conflict", `session ${id} already exists`);
    if (this.#open.size >= mostSessions)
      throw new Failure("limit", `there are ${mostSessions} sessions already`);
  }

  /** @param socket on which HTTP/2 has been agreed upon; the session lasts as long */
  take(socket: Duplex, introduction: Introduction): Session {
    const { id } = introduction;
    this.check(id);
    const session = new Session(socket, introduction);
    this.#open.set(id, session);
    session.closed.addEventListener("abort", () => this.#open.delete(id), { once: true });
    this.#arrivals.tell(id, session);
    return session;
  }

  /**
   * The session, if need be once it is there: clients open it and start the build at the same time.
   * @param id perhaps with a prefix and a colon before it, by which BuildKit's clients tell contexts apart
   * @throws Failure("not-found") if it does not come, Failure("cancelled")
   */
  async get(id: string, signal: AbortSignal): Promise<Session> {
    const bare = id.slice(id.indexOf(":") + 1) || id;
    const late = (): Failure =>
      new Failure("not-found", `no active session for ${bare}: context deadline exceeded`);
    return this.#open.get(bare) ?? this.#arrivals.wait(bare, { signal, late });
  }
}
