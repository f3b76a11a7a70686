/** Which URLs stand for a registry: its mirrors, then itself; TLS first, plain HTTP where that is permitted. */
import { Failure } from "../../errors.ts";
import type { TlsSettings } from "../http/agents.ts";
import { inNetwork, isLoopback } from "../http/proxy.ts";
import type { HostOptions } from "../options.ts";
import { readCertificates } from "./certificates.ts";
import { readDaemonJson, type DaemonSettings } from "./daemon_json.ts";

export interface Endpoint {
  /** Without `/v2` and without final slash: `https://registry-1.docker.io`. */
  readonly base: string;
  /** Whose credentials are used: the registry's domain, or a mirror's host. */
  readonly domain: string;
  readonly mirror: boolean;
}

/** The Hub's API lives under another name than its images (moby, registry/config.go: DefaultV2Registry). */
const hub = { domain: "docker.io", host: "registry-1.docker.io" } as const;

export class Endpoints {
  readonly #hosts: Readonly<Record<string, HostOptions>>;
  readonly #daemonJsonPath: string;
  readonly #certsDirectory: string;
  readonly #given: Partial<DaemonSettings>;
  #settings: DaemonSettings | undefined;

  /** @param given instead of what the file says */
  constructor(
    hosts: Readonly<Record<string, HostOptions>>,
    daemonJsonPath: string,
    certsDirectory: string,
    given: Partial<DaemonSettings> = {},
  ) {
    this.#given = given;
    this.#hosts = hosts;
    this.#daemonJsonPath = daemonJsonPath;
    this.#certsDirectory = certsDirectory;
  }

  /** All endpoints of a domain in the order in which they are to be tried. Mirrors serve pulls only. */
  of(domain: string, purpose: "pull" | "push"): Endpoint[] {
    const own = this.#schemes(domain === hub.domain ? hub.host : domain, domain, false);
    if (purpose === "push") return own;
    const configured = this.#hosts[domain]?.mirrors ?? [];
    const mirrors = domain === hub.domain ? [...configured, ...this.#daemon.mirrors] : configured;
    return [...mirrors.flatMap((mirror) => this.#mirror(mirror)), ...own];
  }

  /** TLS settings of `host:port` or `host`. */
  tlsOf(host: string): TlsSettings {
    const domain = host === hub.host ? hub.domain : host;
    const { ca, cert, key } = this.#hosts[domain] ?? {};
    const files = readCertificates(this.#certsDirectory, domain);
    const pair = cert !== undefined && key !== undefined ? { cert, key } : {};
    const authorities = [...(files.ca ?? []), ...(ca === undefined ? [] : [ca])];
    return { ...files, ...pair, ca: authorities, insecure: this.isInsecure(host) };
  }

  /** Whether any certificate, and plain HTTP, will do for this host: loopback always, others when told. */
  isInsecure(host: string): boolean {
    const bare = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
    if (isLoopback(bare)) return true;
    const told = this.#hosts[host === hub.host ? hub.domain : host]?.insecure;
    if (told !== undefined) return told;
    return this.#daemon.insecure.some((rule) => rule === host || rule === bare || inNetwork(bare, rule));
  }

  get #daemon(): DaemonSettings {
    return (this.#settings ??= { ...readDaemonJson(this.#daemonJsonPath), ...this.#given });
  }

  #schemes(host: string, domain: string, mirror: boolean): Endpoint[] {
    const secure = { base: `https://${host}`, domain, mirror };
    return this.isInsecure(host) ? [secure, { ...secure, base: `http://${host}` }] : [secure];
  }

  #mirror(text: string): Endpoint[] {
    if (!text.includes("://")) return this.#schemes(text.replace(/\/+$/, ""), text, true);
    const url = URL.parse(text);
    if (url === null || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
      throw new Failure("invalid", `invalid mirror: ${JSON.stringify(text)} is not a valid URI`);
    }
    if (url.username !== "" || url.password !== "") {
      throw new Failure(
        "invalid",
        `invalid mirror: ${url.host}: username and password are not allowed in URI`,
      );
    }
    return [{ base: url.href.replace(/\/+$/, ""), domain: url.host, mirror: true }];
  }
}
