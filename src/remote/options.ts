/** How a {@link Remote} is set up. Everything has Docker's default, so `createRemote({})` does what docker would. */
import type { Credentials } from "./auth/credentials.ts";
import type { Clock } from "./http/clock.ts";
import type { Environment } from "./http/proxy.ts";

/** Settings of one registry, `docker.io` or `host:port`. */
export interface HostOptions {
  /** Accept any certificate, and plain HTTP where TLS fails. Always so for loopback addresses. */
  readonly insecure?: boolean;
  /** Certificate authorities to trust besides the system's: PEM. */
  readonly ca?: string;
  /** Client certificate and key: PEM. */
  readonly cert?: string;
  readonly key?: string;
  /** URLs that are asked first when pulling, in this order: `https://mirror.example:5000`. */
  readonly mirrors?: readonly string[];
}

export interface RemoteOptions {
  /** Credentials by registry host (`docker.io` for the Hub); they go before those of Docker's config. */
  readonly credentials?: Readonly<Record<string, Credentials>>;
  readonly hosts?: Readonly<Record<string, HostOptions>>;
  /** Default `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. */
  readonly dockerConfigPath?: string;
  /** File with `registry-mirrors` and `insecure-registries`. Default `/etc/docker/daemon.json`. */
  readonly daemonJsonPath?: string;
  /** Mirrors of docker.io instead of that file's: URLs. */
  readonly registryMirrors?: readonly string[];
  /** Instead of that file's: `host`, `host:port` or a network such as `10.0.0.0/8`. */
  readonly insecureRegistries?: readonly string[];
  /** Layers of one image that are fetched at once; default 3. */
  readonly concurrentDownloads?: number;
  /** Layers of one image that are sent at once; default 5. */
  readonly concurrentUploads?: number;
  /** How often a layer is asked for again after network faults without progress; default 5. */
  readonly downloadRetries?: number;
  /** Default `/etc/docker/certs.d`. */
  readonly certsDirectory?: string;
  /** Where `HTTP_PROXY` and the like are looked up. Default `process.env`. */
  readonly environment?: Environment;
  /** Where unfinished uploads are noted, so that a push goes on after a restart. Default: nowhere. */
  readonly uploadsDirectory?: string;
  /** Default `varve`. */
  readonly userAgent?: string;
  readonly clock?: Clock;
  /** Milliseconds without data after which a connection counts as broken. Default 60,000. */
  readonly idleMs?: number;
}
