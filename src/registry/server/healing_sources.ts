/** Where `fsck` gets again what is damaged or missing: the mirrors that it is told of, and the upstreams of copies. */
import type { ByteSource } from "../../bytes/index.ts";
import { mediaTypes, type Digest } from "../../oci/index.ts";
import { continueBlob } from "../../remote/index.ts";
import { settingsOf } from "../proxy/settings_of.ts";
import type { UpstreamSettings } from "../proxy/types.ts";
import { Upstream } from "../proxy/upstream.ts";
import { RegistryError } from "../registry_error.ts";
import type { MirrorKeys } from "./config/maintenance_keys.ts";
import { upstreamSettings } from "./config/proxy_keys.ts";
import type { ServerConfig } from "./config/read_config.ts";

// What is not accepted a registry may convert.
const accept = [
  mediaTypes.ociIndex,
  mediaTypes.dockerList,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifest,
  "*/*;q=0.5",
].join(", ");

/** What went wrong with one source; there may be others. */
type OnProblem = (message: string) => void;

/** Disposal breaks what is under way. */
export class HealingSources implements AsyncDisposable {
  readonly #proxied: readonly UpstreamSettings[];
  readonly #upstreams = new Map<UpstreamSettings, Upstream>();
  readonly #mirrors: readonly UpstreamSettings[];
  readonly #onProblem: OnProblem;

  /** @param mirrors URLs of more registries that have the same repositories under the same names */
  constructor(
    config: Pick<ServerConfig, "fsck" | "proxy">,
    onProblem: OnProblem,
    mirrors: readonly string[] = [],
  ) {
    this.#onProblem = onProblem;
    this.#proxied = upstreamSettings(config.proxy);
    const given = mirrors.map((remoteurl) => ({ remoteurl, username: undefined, password: undefined }));
    this.#mirrors = [...config.fsck.upstreams, ...given].map(mirrorSettings);
    const watch = { counted: () => undefined, received: () => undefined, problem: () => undefined };
    for (const each of [...this.#mirrors, ...this.#proxied])
      this.#upstreams.set(each, new Upstream(each, watch));
  }

  /** One source after the other, as `fsck` asks for them; none fails: what breaks off is not what its digest says. */
  readonly fetchBlob = async function* (
    this: HealingSources,
    digest: Digest,
    repositories: readonly string[],
  ): AsyncGenerator<ByteSource> {
    for (const name of repositories) {
      const proxied = settingsOf(this.#proxied, name);
      for (const settings of [...this.#mirrors, ...(proxied ? [proxied] : [])]) {
        const upstream = this.#upstreams.get(settings) as Upstream;
        for (const path of [`blobs/${digest}`, `manifests/${digest}`]) {
          const source = await this.#open(upstream, name, path, digest);
          if (source !== undefined) yield source;
        }
      }
    }
  }.bind(this);

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#upstreams.values()].map((each) => each[Symbol.asyncDispose]()));
  }

  async #open(
    upstream: Upstream,
    name: string,
    path: string,
    digest: Digest,
  ): Promise<ByteSource | undefined> {
    const unknown = path.startsWith("blobs/") ? "BLOB_UNKNOWN" : "MANIFEST_UNKNOWN";
    try {
      const answer = await upstream.ask({ method: "GET", name, path, accept, unknown, via: undefined });
      const size = Number(answer.headers["content-length"] ?? Number.NaN);
      const place = {
        connection: upstream.connection,
        path: upstream.pathOf(name, path),
        scopes: upstream.scopesOf(name),
      };
      const isSized = answer.status === 200 && Number.isSafeInteger(size);
      const descriptor = { mediaType: "", digest, size };
      const body = isSized ? continueBlob(place, descriptor, answer, upstream.signal) : answer.body;
      return this.#unfailing(upstream, body);
    } catch (error) {
      // Not there, as a rule.
      if (error instanceof RegistryError && error.status === 404) return undefined;
      this.#tell(upstream, error);
      return undefined;
    }
  }

  async *#unfailing(upstream: Upstream, body: ByteSource): ByteSource {
    try {
      yield* body;
    } catch (error) {
      this.#tell(upstream, error);
    }
  }

  #tell({ host }: Upstream, error: unknown): void {
    const { message } = error as Error;
    this.#onProblem(message.includes(host) ? message : `${host}: ${message}`);
  }
}

function mirrorSettings({ remoteurl, username, password }: MirrorKeys): UpstreamSettings {
  const credentials = username === undefined ? undefined : { username, password: password ?? "" };
  const url = remoteurl.replace(/\/+$/, "");
  return { prefix: "", url, credentials, ttl: 0, revalidate: 0, library: false };
}
