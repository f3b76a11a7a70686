/** All upstreams of a registry. */
import { settingsOf } from "./settings_of.ts";
import type { ProxyWatch, UpstreamSettings } from "./types.ts";
import { Upstream, type UpstreamOptions } from "./upstream.ts";

export class Upstreams implements AsyncDisposable {
  readonly #settings: readonly UpstreamSettings[];
  readonly #upstreams: ReadonlyMap<UpstreamSettings, Upstream>;

  /** Nothing is asked before somebody pulls. Disposal gives up what is under way and waits for it. */
  constructor(settings: readonly UpstreamSettings[], watch: ProxyWatch, options: UpstreamOptions = {}) {
    this.#settings = settings;
    this.#upstreams = new Map(settings.map((each) => [each, new Upstream(each, watch, options)]));
  }

  /** The upstream of a repository; undefined: it is our own. */
  of(name: string): Upstream | undefined {
    const settings = settingsOf(this.#settings, name);
    return settings && this.#upstreams.get(settings);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#upstreams.values()].map((each) => each[Symbol.asyncDispose]()));
  }
}
