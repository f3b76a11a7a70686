/**
 * `--publish` and `--expose` (docker/go-connections, nat):
 *
 *     publish = [[ip ":"] [host] ":"] port ["/" proto]      host, port = number ["-" number]
 *     publish = "target=" port ",published=" host ",protocol=" proto
 *     expose  = port ["/" proto]
 */
import { Failure } from "../../errors.ts";

export interface PortBinding {
  readonly HostIp: string;
  /** A number, or a range of which one is taken; "" for any. */
  readonly HostPort: string;
}

export interface PublishedPorts {
  /** By `80/tcp`. */
  readonly exposed: Readonly<Record<string, object>>;
  readonly bindings: Readonly<Record<string, readonly PortBinding[]>>;
}

/** Throws `Failure("invalid")` in Docker's words. */
export function parsePorts(publish: readonly string[], expose: readonly string[]): PublishedPorts {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, PortBinding[]> = {};
  for (const text of publish) {
    for (const { port, binding } of parsePublish(text.includes("=") ? shortForm(text) : text)) {
      exposed[port] = {};
      (bindings[port] ??= []).push(binding);
    }
  }
  for (const text of expose) {
    if (text.includes(":")) throw new Failure("invalid", `invalid port format for --expose: ${text}`);
    const { range, proto } = splitProto(text);
    const [from, to] = portRange(range, `invalid range format for --expose: ${text}`);
    for (let port = from; port <= to; port++) exposed[`${port}/${proto}`] = {};
  }
  return { exposed, bindings };
}

function parsePublish(text: string): { readonly port: string; readonly binding: PortBinding }[] {
  const { range, proto } = splitProto(text);
  const parts = range.split(":");
  const container = parts.pop() as string;
  const host = parts.pop() ?? "";
  const HostIp = address(parts.join(":"));
  if (container === "") throw new Failure("invalid", `no port specified: ${text}<empty>`);
  const [first, last] = portRange(container, `invalid containerPort: ${container}`);
  const [hostFirst, hostLast] = host === "" ? [0, 0] : portRange(host, `invalid hostPort: ${host}`);
  const isAny = host !== "" && first === last && hostFirst !== hostLast;
  if (host !== "" && !isAny && last - first !== hostLast - hostFirst) {
    throw new Failure(
      "invalid",
      `invalid ranges specified for container and host Ports: ${container} and ${host}`,
    );
  }
  return Array.from({ length: last - first + 1 }, (_, index) => {
    const HostPort = host === "" ? "" : isAny ? host : String(hostFirst + index);
    return { port: `${first + index}/${proto}`, binding: { HostIp, HostPort } };
  });
}

function splitProto(text: string): { readonly range: string; readonly proto: string } {
  const slash = text.lastIndexOf("/");
  const proto = slash < 0 ? "tcp" : text.slice(slash + 1).toLowerCase() || "tcp";
  if (!["tcp", "udp", "sctp"].includes(proto)) throw new Failure("invalid", `invalid proto: ${proto}`);
  return { range: slash < 0 ? text : text.slice(0, slash), proto };
}

function portRange(text: string, wrong: string): readonly [number, number] {
  const [, from = "", to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from === "" || first > 65_535 || last > 65_535 || last < first) throw new Failure("invalid", wrong);
  return [first, last];
}

function address(text: string): string {
  const bare = text.replace(/^\[(.*)\]$/, "$1");
  const isAddress = /^(\d{1,3}(\.\d{1,3}){3}|[\da-f:.]*:[\da-f:.]*)$/i.test(bare);
  if (bare !== "" && !isAddress) throw new Failure("invalid", `invalid IP address: ${bare}`);
  return bare;
}

/** `published=8080,target=80,protocol=udp` as `8080:80/udp` (docker/cli, `convertToStandardNotation`). */
function shortForm(text: string): string {
  const fields = new Map(
    text.split(",").map((field) => {
      const [key = "", value] = field.split("=", 2);
      if (value === undefined || !["target", "published", "protocol", "mode"].includes(key)) {
        throw new Failure("invalid", `invalid publish opts format (should be name=value but got '${field}')`);
      }
      return [key, value] as const;
    }),
  );
  return `${fields.get("published") ?? ""}:${fields.get("target") ?? ""}/${fields.get("protocol") ?? "tcp"}`;
}
