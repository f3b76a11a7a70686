/**
 * Sessions of BuildKit's clients (moby/buildkit, session/manager.go): a connection on which the client serves what a build
 * may ask it for, such as files, secrets and credentials.
 */
import type { Duplex } from "node:stream";
import { Failure } from "../../errors.ts";
import { Session, type Introduction } from "./session.ts";

export interface SessionsOptions {
  /** Milliseconds for which a build waits for its session (default 10,000; BuildKit's own are 5,000). */
  readonly patience?: number;
}

const longestId = 256;
/** Connections cost memory; a client that has this many has lost count. */
const mostSessions = 1000;

type Wanting = (session: Session) => void;

export class Sessions {
  readonly #open = new Map<string, Session>();
  readonly #wanted = new Map<string, Set<Wanting>>();
  readonly #patience: number;

  constructor({ patience = 10_000 }: SessionsOptions = {}) {
    this.#patience = patience;
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
    for (const tell of this.#wanted.get(id) ?? []) tell(session);
    return session;
  }

  /**
   * The session, if need be once it is there: clients open it and start the build at the same time.
   * @param id perhaps with a prefix and a colon before it, by which BuildKit's clients tell contexts apart
   * @throws Failure("not-found") if it does not come, Failure("cancelled")
   */
  async get(id: string, signal: AbortSignal): Promise<Session> {
    const bare = id.slice(id.indexOf(":") + 1) || id;
    const here = this.#open.get(bare);
    if (here !== undefined) return here;
    const wanting = this.#wanted.get(bare) ?? new Set<Wanting>();
    this.#wanted.set(bare, wanting);
    const { promise, resolve, reject } = Promise.withResolvers<Session>();
    const late = setTimeout(
      () => reject(new Failure("not-found", `no active session for ${bare}: context deadline exceeded`)),
      this.#patience,
    );
    const abort = (): void => reject(new Failure("cancelled", "context canceled"));
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    wanting.add(resolve);
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      signal.removeEventListener("abort", abort);
      wanting.delete(resolve);
      if (wanting.size === 0) this.#wanted.delete(bare);
    }
  }
}
