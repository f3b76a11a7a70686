/** All upstreams of a registry: each has the names that begin with its prefix. */
import type { ProxyWatch, UpstreamSettings } from "./types.ts";
import { Upstream, type UpstreamOptions } from "./upstream.ts";

export class Upstreams implements AsyncDisposable {
  /** Longest prefix first. */
  readonly #upstreams: readonly Upstream[];

  /** Nothing is asked before somebody pulls. Disposal gives up what is under way and waits for it. */
  constructor(settings: readonly UpstreamSettings[], watch: ProxyWatch, options: UpstreamOptions = {}) {
    const longestFirst = [...settings].sort((a, b) => b.prefix.length - a.prefix.length);
    this.#upstreams = longestFirst.map((each) => new Upstream(each, watch, options));
  }

  /** The upstream of a repository; undefined: it is our own. */
  of(name: string): Upstream | undefined {
    return this.#upstreams.find(({ settings: { prefix } }) => prefix === "" || name.startsWith(`${prefix}/`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#upstreams.map((each) => each[Symbol.asyncDispose]()));
  }
}
