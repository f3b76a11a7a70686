/** Which proxy a request goes through, by the variables that Go's programs read (golang.org/x/net/http/httpproxy). */
import { BlockList, isIP } from "node:net";

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy for `url`, or undefined for a direct connection: `HTTPS_PROXY` or `HTTP_PROXY` by the URL's scheme (lower
 * case spellings first), unless the host is loopback or named by `NO_PROXY`.
 */
export function proxyFor(url: URL, environment: Environment): string | undefined {
  const name = url.protocol === "https:" ? "https_proxy" : "http_proxy";
  // HTTP_PROXY in upper case is what a CGI program sees of a request header "Proxy" (httpoxy, CVE-2016-5385).
  const cgi = name === "http_proxy" && environment["REQUEST_METHOD"] !== undefined;
  const proxy = environment[name] || (cgi ? "" : environment[name.toUpperCase()]);
  const host = hostOf(url);
  if (!proxy || isLoopback(host) || bypassed(url, environment)) return undefined;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

/** Whether a host name or address can only be this machine. */
export function isLoopback(host: string): boolean {
  if (host === "localhost" || host.endsWith(".localhost") || host === "::1") return true;
  return isIP(host) === 4 && host.startsWith("127.");
}

/** Host of a URL without the brackets of an IPv6 address. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
}

/** Port of a URL, the scheme's own if it names none. */
export function portOf(url: URL): string {
  return url.port || (url.protocol === "https:" ? "443" : "80");
}

/** Whether an address lies in a network such as `10.0.0.0/8`. Anything malformed lies nowhere. */
export function inNetwork(address: string, network: string): boolean {
  const [base = "", bits = ""] = network.split("/");
  const version = isIP(base);
  const widest = version === 6 ? 128 : 32;
  if (version === 0 || isIP(address) !== version) return false;
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > widest) return false;
  const family = version === 6 ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addSubnet(base, Number(bits), family);
  return list.check(address, family);
}

function bypassed(url: URL, environment: Environment): boolean {
  const rules = (environment["no_proxy"] || environment["NO_PROXY"] || "").split(",");
  return rules.some((rule) => matches(rule.trim().toLowerCase(), hostOf(url), portOf(url)));
}

/** `*`, `10.0.0.0/8`, `1.2.3.4`, `example.com` (with subdomains), `.example.com` (only those); all but CIDR with port. */
function matches(rule: string, host: string, port: string): boolean {
  if (rule === "") return false;
  if (rule === "*") return true;
  if (rule.includes("/")) return inNetwork(host, rule);
  if (isIP(rule) !== 0) return host === rule;
  const [, name = rule, rulePort] = /^(.*):(\d+)$/.exec(rule) ?? [];
  if (rulePort !== undefined && rulePort !== port) return false;
  const bare = name.replace(/^\*\./, ".").replace(/^\[|\]$/g, "");
  if (isIP(bare) !== 0) return host === bare;
  return bare.startsWith(".") ? host.endsWith(bare) : host === bare || host.endsWith(`.${bare}`);
}
