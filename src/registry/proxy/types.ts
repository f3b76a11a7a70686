/** What the operator says of an upstream, and what he is told of it. */

export interface UpstreamSettings {
  /** First components of the names that are its; empty: all names. */
  readonly prefix: string;
  /** `https://registry.example`, without `/v2`. */
  readonly url: string;
  /** Undefined: anonymous. */
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  /** Milliseconds after its last pull at which a manifest is dropped; 0: never. */
  readonly ttl: number;
  /** Milliseconds for which a tag is believed without asking; 0: it is asked for each time. */
  readonly revalidate: number;
  /** Whether a name without a slash stands for `library/<name>`, as on Docker Hub. */
  readonly library: boolean;
}

export type ProxiedKind = "manifest" | "blob" | "tags" | "referrers";

/** `miss`: the upstream gave it; `stale`: it could not be asked, and what is here was given. */
export type ProxyResult = "hit" | "miss" | "stale" | "failed";

export interface ProxyWatch {
  counted(upstream: string, kind: ProxiedKind, result: ProxyResult): void;
  received(upstream: string, bytes: number): void;
  /** What the operator should know and a client is not told, or not in full. */
  problem(message: string, fields: Readonly<Record<string, string>>): void;
}
