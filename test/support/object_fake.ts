/** What the protocol fakes of object stores share: objects in memory, HTTP in and out, ranges. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface StoredObject {
  readonly bytes: Buffer;
  readonly modified: Date;
  readonly etag: string;
  /** Kept with it, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface FakeRequest {
  readonly method: string;
  readonly url: URL;
  /** As it came, still encoded. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

export interface FakeServer extends AsyncDisposable {
  readonly origin: string;
  /** Method and target of each request so far. */
  readonly log: string[];
}

export async function serveFake(answer: (request: FakeRequest) => FakeAnswer): Promise<FakeServer> {
  const log: string[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Uint8Array>));
    const { method = "", url: target = "", headers } = incoming;
    log.push(`${method} ${target}`);
    send(
      outgoing,
      method,
      answer({ method, target, headers, body, url: new URL(target, `http://${headers.host}`) }),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function send(
  outgoing: ServerResponse,
  method: string,
  { status, headers = {}, body = "" }: FakeAnswer,
): void {
  const length = headers["content-length"] ?? String(Buffer.byteLength(body));
  outgoing.writeHead(status, status === 204 ? headers : { ...headers, "content-length": length });
  outgoing.end(method === "HEAD" ? undefined : body);
}

export function makeObject(bytes: Uint8Array, headers: Readonly<Record<string, string>> = {}): StoredObject {
  const etag = `"${createHash("md5").update(bytes).update(String(Math.random())).digest("hex")}"`;
  return { bytes: Buffer.from(bytes), modified: new Date(), etag, headers };
}

/** GET or HEAD of an object, with ranges and conditions. */
export function serveObject(
  object: StoredObject,
  headers: IncomingHttpHeaders,
  range = headers.range,
): FakeAnswer {
  if (headers["if-match"] !== undefined && headers["if-match"] !== object.etag) return { status: 412 };
  const common = { etag: object.etag, "last-modified": object.modified.toUTCString(), ...object.headers };
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  if (first === undefined) return { status: 200, headers: common, body: object.bytes };
  const start = Number(first);
  if (start >= object.bytes.length) return { status: 416 };
  const end = Math.min(last === "" ? Infinity : Number(last), object.bytes.length - 1);
  const contentRange = `bytes ${start}-${end}/${object.bytes.length}`;
  const body = object.bytes.subarray(start, end + 1);
  return { status: 206, headers: { ...common, "content-range": contentRange }, body };
}

/** One page of names, as all stores cut it: keys in order, common prefixes counted as one name. */
export function listPage(
  keys: Iterable<string>,
  options: { prefix: string; delimiter: string; after: string; limit: number },
): { keys: string[]; prefixes: string[]; next: string | undefined } {
  const { prefix, delimiter, after, limit } = options;
  const page = { keys: [] as string[], prefixes: [] as string[], next: undefined as string | undefined };
  for (const key of [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
    if (!key.startsWith(prefix) || key <= after) continue;
    const cut = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    const name = cut < 0 ? key : key.slice(0, cut + 1);
    if (name === page.prefixes.at(-1) || (cut >= 0 && after === `${name}\uffff`)) continue;
    if (page.keys.length + page.prefixes.length === limit) {
      const [lastKey = "", lastPrefix = ""] = [page.keys.at(-1), page.prefixes.at(-1)];
      page.next = lastPrefix > lastKey ? `${lastPrefix}\uffff` : lastKey;
      return page;
    }
    if (cut < 0) page.keys.push(key);
    else page.prefixes.push(name);
  }
  return page;
}
