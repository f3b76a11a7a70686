/** Puts limits in front of an access controller, and remembers whom it let in. */
import type { IncomingMessage } from "node:http";
import { clientKey, type RateLimiter } from "../access/index.ts";
import type { AccessController, Identity, Scope } from "../access/types.ts";

export interface Visit {
  /** Undefined: nobody was let in. */
  readonly identity: Identity | undefined;
  readonly needed: readonly Scope[];
}

const nobody: Identity = { user: undefined, groups: [] };

export class WatchedAccess implements AccessController {
  readonly #inner: AccessController;
  readonly #limiter: RateLimiter | undefined;
  readonly #visits = new WeakMap<IncomingMessage, Visit>();

  constructor(inner: AccessController, limiter: RateLimiter | undefined) {
    this.#inner = inner;
    this.#limiter = limiter;
  }

  /** @throws RegistryError as the controller, and TOOMANYREQUESTS */
  authorize: AccessController["authorize"] = async (asked) => {
    const { request, needed } = asked;
    const before = this.#visits.get(request);
    const isFirst = before === undefined;
    if (isFirst) this.#visits.set(request, { identity: undefined, needed });
    const address = request.socket.remoteAddress;
    try {
      const identity = await this.#inner.authorize(asked);
      if (isFirst) this.#limiter?.take(clientKey(identity, address));
      // Of one who is in, more is asked only to know what it may.
      if (before?.identity === undefined) this.#visits.set(request, { identity, needed });
      return identity;
    } catch (error) {
      // Who guesses passwords has no name yet.
      if (isFirst) this.#limiter?.take(clientKey(nobody, address));
      throw error;
    }
  };

  /** Counts a request whose sender has no name. @throws RegistryError TOOMANYREQUESTS */
  take(request: IncomingMessage): void {
    this.#limiter?.take(clientKey(nobody, request.socket.remoteAddress));
  }

  visitOf(request: IncomingMessage): Visit | undefined {
    return this.#visits.get(request);
  }
}
