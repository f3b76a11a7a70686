/** `proxy`: distribution's keys, by which all repositories are copies, and ours, by which those below a prefix are. */
import type { UpstreamSettings } from "../../proxy/types.ts";
import { isRepositoryName } from "../../tree.ts";
import { anything, list, section, type KeyPath, type Problems, type Read } from "./field.ts";
import { duration, flag, text, type ListenAddress } from "./scalars.ts";

const upstream = {
  // Not checked here: what is wrong with it must be told without a password that may be in it.
  remoteurl: text(""),
  username: text(),
  password: text(),
  ttl: duration(168 * 3_600_000),
  revalidate: duration(0),
  library: flag(undefined),
};

export const proxy = section({
  ...upstream,
  exec: anything,
  upstreams: list(section({ prefix: text(), ...upstream })),
});

type ProxyKeys = Read<typeof proxy>;
type UpstreamKeys = Omit<ProxyKeys, "exec" | "upstreams">;

/** What is the server's own, which no upstream may be. */
interface Own {
  readonly http: { readonly addr: ListenAddress; readonly host: string | undefined };
  readonly isReadOnly: boolean;
}

const hubNames = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/** The upstreams of a configuration that was checked. */
export function upstreamSettings(keys: ProxyKeys): UpstreamSettings[] {
  const whole = keys.remoteurl === "" ? [] : [{ prefix: "", ...keys }];
  return [...whole, ...keys.upstreams].map(({ prefix = "", username, password, ...each }) => {
    const url = new URL(each.remoteurl);
    const isHub = hubNames.includes(url.hostname);
    // The Hub's API lives under another name than its images.
    if (isHub) url.hostname = "registry-1.docker.io";
    return {
      prefix,
      url: url.href.replace(/\/+$/, ""),
      credentials: username === undefined ? undefined : { username, password: password ?? "" },
      ttl: each.ttl,
      revalidate: each.revalidate,
      library: each.library ?? isHub,
    };
  });
}

export function checkProxy(keys: ProxyKeys, own: Own, problems: Problems): void {
  const { exec, upstreams, ...whole } = keys;
  if (exec !== undefined)
    problems.wrong(["proxy", "exec"], "no command is asked for credentials: give username and password");
  const isWhole = whole.remoteurl !== "" || whole.username !== undefined;
  if (isWhole) checkUpstream(whole, own, ["proxy"], problems);
  for (const [index, each] of upstreams.entries()) {
    const path = ["proxy", "upstreams", index] as const;
    checkUpstream(each, own, path, problems);
    const { prefix } = each;
    const wrong = (message: string) => problems.wrong([...path, "prefix"], message);
    if (prefix === undefined) wrong("is missing");
    else if (!isRepositoryName(prefix)) wrong(`no repository's name can begin with "${prefix}"`);
    else if (upstreams.findIndex((other) => other.prefix === prefix) < index)
      wrong(`${prefix} is another upstream's`);
  }
  if (own.isReadOnly && (isWhole || upstreams.length > 0))
    problems.wrong(["proxy"], "what is pulled is kept, which storage.maintenance.readonly forbids");
}

function checkUpstream(keys: UpstreamKeys, own: Own, path: KeyPath, problems: Problems): void {
  const { remoteurl, username, password } = keys;
  const wrong = (key: string, message: string) => problems.wrong([...path, key], message);
  if ((username === undefined) !== (password === undefined))
    wrong(username === undefined ? "username" : "password", "is missing: username and password go together");
  if (remoteurl === "") return wrong("remoteurl", "is missing");
  const url = URL.parse(remoteurl);
  if (url === null || !/^https?:$/.test(url.protocol))
    return wrong("remoteurl", "expected an http or https URL such as https://registry.example");
  if (url.username !== "" || url.password !== "")
    wrong("remoteurl", "credentials do not belong into the URL: give username and password");
  if (url.search !== "" || url.hash !== "" || /\/v2\/?$/.test(url.pathname))
    wrong("remoteurl", "expected the registry's URL alone, without /v2/ and what comes after it");
  if (isOwn(url, own)) wrong("remoteurl", "is this registry itself");
  if (password !== undefined && url.protocol === "http:" && !isLocal(url.hostname))
    problems.idle([...path, "password"], "goes over the network without TLS");
}

/** As far as the configuration can tell; the rest is found out by the first request that comes back. */
function isOwn(url: URL, { http: { addr, host } }: Own): boolean {
  if (host !== undefined && new URL(host).host === url.host) return true;
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  if (port !== addr.port) return false;
  const name = url.hostname.replace(/^\[|\]$/g, "");
  return (
    name === addr.host || (isLocal(name) && (/^(?:|0\.0\.0\.0|::)$/.test(addr.host) || isLocal(addr.host)))
  );
}

function isLocal(host: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[?::1\]?)$/.test(host);
}
