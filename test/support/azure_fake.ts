/**
 * A protocol fake of Azure Blob Storage, written from the Blob service REST API. Shared keys and signed addresses are
 * verified by code of its own, from the request as it came over the wire.
 */
import { createHmac } from "node:crypto";
import { listPage, makeObject, serveFake, serveObject } from "./object_fake.ts";
import type { FakeAnswer, FakeRequest, FakeServer, StoredObject } from "./object_fake.ts";

export interface AzureFakeOptions {
  readonly account: string;
  /** base64 */
  readonly key: string;
  readonly container: string;
  /** Accepted in place of a shared key. */
  readonly bearer?: string;
  /** Names a page; default 1,000. */
  readonly page?: number;
}

export interface AzureFake extends FakeServer {
  readonly blobs: Map<string, StoredObject>;
}

/** The account is the first part of the path, as in Azurite. */
export async function azureFake(options: AzureFakeOptions): Promise<AzureFake> {
  const blobs: AzureFake["blobs"] = new Map();
  const blocks = new Map<string, Buffer>();
  const server = await serveFake((request) => {
    const refused = verify(options, request);
    return refused === undefined
      ? (putBlocks(blobs, blocks, request) ?? answer(options, blobs, request))
      : error(403, "AuthenticationFailed", refused);
  });
  return Object.assign(server, { blobs });
}

function answer(options: AzureFakeOptions, blobs: AzureFake["blobs"], request: FakeRequest): FakeAnswer {
  const { url, method } = request;
  const [, account, container, ...rest] = decodeURIComponent(url.pathname).split("/");
  if (account !== options.account || container !== options.container) return error(404, "ContainerNotFound");
  const key = rest.join("/");
  if (key === "") return list(blobs, url.searchParams, options.page ?? 1000);
  const blob = blobs.get(key);
  switch (method) {
    case "GET":
    case "HEAD": {
      const range = request.headers["x-ms-range"];
      if (blob === undefined) return error(404, "BlobNotFound");
      return serveObject(blob, request.headers, range === undefined ? request.headers.range : String(range));
    }
    case "DELETE":
      return blobs.delete(key) ? { status: 202 } : error(404, "BlobNotFound");
    case "PUT":
      if (url.searchParams.get("comp") === "appendblock") return append(blobs, key, request);
      if (request.headers["x-ms-copy-source"] !== undefined) return copy(options, blobs, key, request);
      return put(blobs, key, request);
    default:
      return error(405, "UnsupportedHttpVerb");
  }
}

function putBlocks(
  blobs: AzureFake["blobs"],
  blocks: Map<string, Buffer>,
  request: FakeRequest,
): FakeAnswer | undefined {
  const { url, body } = request;
  const key = decodeURIComponent(url.pathname).split("/").slice(3).join("/");
  const comp = url.searchParams.get("comp");
  if (comp === "block") blocks.set(`${key} ${url.searchParams.get("blockid")}`, body);
  else if (comp !== "blocklist") return undefined;
  else {
    const ids = [...body.toString().matchAll(/<Latest>([^<]*)<\/Latest>/g)].map(([, id]) => id);
    const parts = ids.map((id) => blocks.get(`${key} ${id}`));
    if (parts.includes(undefined)) return error(400, "InvalidBlockList");
    blobs.set(key, makeObject(Buffer.concat(parts as Buffer[]), { "x-ms-blob-type": "BlockBlob" }));
  }
  return { status: 201 };
}

function put(blobs: AzureFake["blobs"], key: string, { headers, body }: FakeRequest): FakeAnswer {
  const type = String(headers["x-ms-blob-type"]);
  const known = blobs.get(key);
  if (known !== undefined && headers["if-none-match"] === "*") return error(409, "BlobAlreadyExists");
  if (known !== undefined && known.headers["x-ms-blob-type"] !== type) return error(409, "InvalidBlobType");
  if (type === "AppendBlob" && body.length > 0) return error(400, "InvalidHeaderValue");
  const made = makeObject(body, { "x-ms-blob-type": type });
  blobs.set(key, made);
  return { status: 201, headers: { etag: made.etag } };
}

function append(blobs: AzureFake["blobs"], key: string, { headers, body }: FakeRequest): FakeAnswer {
  const known = blobs.get(key);
  if (known === undefined) return error(404, "BlobNotFound");
  if (known.headers["x-ms-blob-type"] !== "AppendBlob") return error(409, "InvalidBlobType");
  if (body.length === 0 || body.length > 4 << 20) return error(413, "RequestBodyTooLarge");
  const position = headers["x-ms-blob-condition-appendpos"];
  if (position !== undefined && Number(position) !== known.bytes.length) {
    return error(412, "AppendPositionConditionNotMet");
  }
  const made = makeObject(Buffer.concat([known.bytes, body]), known.headers);
  blobs.set(key, made);
  return { status: 201, headers: { etag: made.etag } };
}

/** Asynchronous, as the real one may be: the first answer is `pending`, the next HEAD `success`. */
function copy(
  options: AzureFakeOptions,
  blobs: AzureFake["blobs"],
  key: string,
  { headers }: FakeRequest,
): FakeAnswer {
  const path = decodeURIComponent(new URL(String(headers["x-ms-copy-source"])).pathname);
  const source = blobs.get(path.slice(`/${options.account}/${options.container}/`.length));
  if (source === undefined) return error(404, "CannotVerifyCopySource");
  const type = source.headers["x-ms-blob-type"];
  const known = blobs.get(key);
  if (known !== undefined && known.headers["x-ms-blob-type"] !== type) return error(409, "InvalidBlobType");
  blobs.set(key, makeObject(source.bytes, { "x-ms-blob-type": String(type), "x-ms-copy-status": "success" }));
  return { status: 202, headers: { "x-ms-copy-status": "pending" } };
}

function list(blobs: AzureFake["blobs"], query: URLSearchParams, most: number): FakeAnswer {
  const after = Buffer.from(query.get("marker") ?? "", "base64").toString();
  const limit = Math.min(most, Number(query.get("maxresults")));
  const prefix = query.get("prefix") ?? "";
  const page = listPage(blobs.keys(), { prefix, delimiter: query.get("delimiter") ?? "", after, limit });
  const items = page.keys.map((key) => {
    const { bytes, modified } = blobs.get(key) as StoredObject;
    const properties = `<Last-Modified>${modified.toUTCString()}</Last-Modified><Content-Length>${bytes.length}</Content-Length>`;
    return `<Blob><Name>${key}</Name><Properties>${properties}</Properties></Blob>`;
  });
  const prefixes = page.prefixes.map((name) => `<BlobPrefix><Name>${name}</Name></BlobPrefix>`);
  const marker =
    page.next === undefined
      ? "<NextMarker />"
      : `<NextMarker>${Buffer.from(page.next).toString("base64")}</NextMarker>`;
  const body = `\ufeff<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="x"><Blobs>${items.join("")}${prefixes.join("")}</Blobs>${marker}</EnumerationResults>`;
  return { status: 200, headers: { "content-type": "application/xml" }, body };
}

/** "Authorize with Shared Key" and "Create a service SAS": the reason why it is refused. */
function verify(options: AzureFakeOptions, request: FakeRequest): string | undefined {
  const { headers, url } = request;
  const query = url.searchParams;
  if (query.has("sig")) return verifySas(options, request);
  if (options.bearer !== undefined && headers.authorization === `Bearer ${options.bearer}`) return undefined;
  const [, signature] =
    new RegExp(`^SharedKey ${options.account}:(.+)$`).exec(headers.authorization ?? "") ?? [];
  const slot = (name: string) => String(headers[name] ?? "");
  const length = slot("content-length");
  let text = `${request.method}\n\n\n${length === "0" ? "" : length}\n${slot("content-md5")}\n${slot("content-type")}\n\n`;
  text += `${slot("if-modified-since")}\n${slot("if-match")}\n${slot("if-none-match")}\n\n${slot("range")}\n`;
  for (const name of Object.keys(headers).sort())
    if (name.startsWith("x-ms-")) text += `${name}:${slot(name)}\n`;
  text += `/${options.account}${request.target.split("?")[0]}`;
  for (const name of [...new Set(query.keys())].sort()) text += `\n${name}:${query.getAll(name).join(",")}`;
  const expected = createHmac("sha256", Buffer.from(options.key, "base64")).update(text).digest("base64");
  return signature === expected ? undefined : `expected over ${JSON.stringify(text)}`;
}

function verifySas(options: AzureFakeOptions, { url, method }: FakeRequest): string | undefined {
  const get = (name: string) => url.searchParams.get(name) ?? "";
  const resource = decodeURIComponent(url.pathname).replace(
    `/${options.account}/`,
    `/blob/${options.account}/`,
  );
  const text = `${get("sp")}\n${get("st")}\n${get("se")}\n${resource}\n\n\n${get("spr")}\n${get("sv")}\n${get("sr")}\n\n\n\n\n\n\n`;
  const expected = createHmac("sha256", Buffer.from(options.key, "base64")).update(text).digest("base64");
  if (get("sig") !== expected) return `expected over ${JSON.stringify(text)}`;
  if (!/^(?:GET|HEAD)$/.test(method) || get("sp") !== "r") return "not permitted";
  return Date.parse(get("se")) > Date.now() && Date.parse(get("st")) < Date.now() ? undefined : "expired";
}

function error(status: number, code: string, message = code): FakeAnswer {
  const body = `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message.replaceAll("<", "&lt;")}</Message></Error>`;
  return { status, headers: { "x-ms-error-code": code }, body };
}
