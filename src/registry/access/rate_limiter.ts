/** Limits how often a client may ask: a token bucket for each user, or address. */
import { RegistryError } from "../registry_error.ts";
import type { Identity } from "./types.ts";

export interface RateLimiterOptions {
  /** Requests a second that may go on for ever. */
  readonly perSecond: number;
  /** Requests that may come at once after a rest. */
  readonly burst: number;
  /** Milliseconds, never going backwards. Default `performance.now`. */
  readonly now?: () => number;
}

interface Bucket {
  /** Requests left at `time`. */
  readonly left: number;
  readonly time: number;
}

/**
 * Clients in one generation. When it is full, it becomes the old one and what was the old one is forgotten: who asks moves
 * into the new one, so those go who were not seen while so many others were. (A Map that loses its first entry for each
 * new one makes V8 walk over all that it has lost.)
 */
const generation = 50_000;

export class RateLimiter {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #now: () => number;
  #young = new Map<string, Bucket>();
  #old = new Map<string, Bucket>();

  constructor({ perSecond, burst, now = () => performance.now() }: RateLimiterOptions) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#now = now;
  }

  /**
   * Takes one request from the client's bucket.
   * @param client what `clientKey` gives
   * @throws RegistryError TOOMANYREQUESTS with the seconds after which it is worth asking again
   */
  take(client: string): void {
    const now = this.#now();
    const { left: before, time } = this.#bucketOf(client, now);
    const left = Math.min(this.#burst, before + ((now - time) / 1000) * this.#perSecond);
    this.#young.set(client, { left: left < 1 ? left : left - 1, time: now });
    if (left >= 1) return;
    const seconds = Math.max(1, Math.ceil((1 - left) / this.#perSecond));
    throw new RegistryError("TOOMANYREQUESTS", [undefined], { "Retry-After": String(seconds) });
  }

  #bucketOf(client: string, now: number): Bucket {
    const young = this.#young.get(client);
    if (young !== undefined) return young;
    const old = this.#old.get(client);
    if (this.#young.size >= generation) [this.#young, this.#old] = [new Map(), this.#young];
    return old ?? { left: this.#burst, time: now };
  }
}

/**
 * Who counts as one client: a user, wherever he is; without a name, an IPv4 address or the /64 network of an IPv6 one,
 * which is what one customer has.
 *
 * @param address of the peer, `socket.remoteAddress`
 */
export function clientKey(identity: Identity, address: string | undefined): string {
  if (identity.user !== undefined) return `user ${identity.user}`;
  return `address ${networkOf(address ?? "")}`;
}

function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  const [front = "", back] = address.split("%")[0]!.split("::");
  const groups = front.split(":").filter(Boolean);
  const rest = (back ?? "").split(":").filter(Boolean);
  const zeros = Array.from(
    { length: back === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length) },
    () => "0",
  );
  return [...groups, ...zeros, ...rest].slice(0, 4).join(":").toLowerCase();
}
