/**
 * A protocol fake of Amazon S3 and of Alibaba's OSS, written from their API references. Signatures are verified by code of
 * its own: what is signed is put together from the request as it came over the wire.
 */
import { createHash, createHmac } from "node:crypto";
import { listPage, makeObject, serveFake, serveObject } from "./object_fake.ts";
import type { FakeAnswer, FakeRequest, FakeServer, StoredObject } from "./object_fake.ts";

export interface S3FakeOptions {
  readonly vendor: "s3" | "oss";
  readonly bucket: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** A store that does not know the condition of a put, and ignores it; default false. */
  readonly ignoresConditions?: boolean;
  /** Parts and uploads a page; default 3. */
  readonly page?: number;
}

export interface S3Fake extends FakeServer {
  readonly objects: Map<string, StoredObject>;
  readonly uploads: Map<string, { readonly key: string; readonly parts: Map<number, StoredObject> }>;
}

const least = 5 << 20;

export async function s3Fake(options: S3FakeOptions): Promise<S3Fake> {
  const objects: S3Fake["objects"] = new Map();
  const uploads: S3Fake["uploads"] = new Map();
  const store = new Store(options, objects, uploads);
  const server = await serveFake((request) => {
    const refused = verify(options, request);
    return refused === undefined ? store.answer(request) : error(403, "SignatureDoesNotMatch", refused);
  });
  return Object.assign(server, { objects, uploads });
}

class Store {
  readonly #options: S3FakeOptions;
  readonly #objects: S3Fake["objects"];
  readonly #uploads: S3Fake["uploads"];
  #lastId = 0;

  constructor(options: S3FakeOptions, objects: S3Fake["objects"], uploads: S3Fake["uploads"]) {
    this.#options = options;
    this.#objects = objects;
    this.#uploads = uploads;
  }

  answer(request: FakeRequest): FakeAnswer {
    const { method, url } = request;
    const query = url.searchParams;
    const [, bucket, ...rest] = decodeURIComponent(url.pathname).split("/");
    if (bucket !== this.#options.bucket) return error(404, "NoSuchBucket");
    const key = rest.join("/");
    if (key === "") return this.#ofBucket(request, query);
    if (query.has("uploadId")) return this.#ofUpload(request, key, query);
    if (method === "POST" && query.has("uploads")) {
      const id = `upload-${++this.#lastId}`;
      this.#uploads.set(id, { key, parts: new Map() });
      return xml("InitiateMultipartUploadResult", element("UploadId", id));
    }
    return this.#ofObject(request, key);
  }

  #ofObject({ method, headers, body }: FakeRequest, key: string): FakeAnswer {
    const object = this.#objects.get(key);
    switch (method) {
      case "GET":
      case "HEAD":
        return object === undefined ? error(404, "NoSuchKey") : serveObject(object, headers);
      case "DELETE":
        this.#objects.delete(key);
        return { status: 204 };
      case "PUT": {
        const refused = object === undefined ? undefined : this.#condition(headers);
        if (refused !== undefined) return refused;
        const source = this.#source(headers);
        if (source === null) return error(404, "NoSuchKey");
        const kept = Object.entries(headers).filter(([name]) => name.startsWith(`${this.#prefix()}meta-`));
        const made = makeObject(source?.bytes ?? body, Object.fromEntries(kept) as Record<string, string>);
        this.#objects.set(key, made);
        if (source !== undefined) return xml("CopyObjectResult", element("ETag", made.etag));
        return { status: 200, headers: { etag: made.etag } };
      }
      default:
        return error(405, "MethodNotAllowed");
    }
  }

  #condition(headers: FakeRequest["headers"]): FakeAnswer | undefined {
    const { vendor, ignoresConditions = false } = this.#options;
    if (ignoresConditions) return undefined;
    if (vendor === "s3" && headers["if-none-match"] === "*") return error(412, "PreconditionFailed");
    if (vendor === "oss" && headers["x-oss-forbid-overwrite"] === "true")
      return error(409, "FileAlreadyExists");
    return undefined;
  }

  /** Undefined without a copy source, null with a wrong one. */
  #source(headers: FakeRequest["headers"]): StoredObject | undefined | null {
    const prefix = this.#prefix();
    const name = headers[`${prefix}copy-source`];
    if (name === undefined) return undefined;
    const bucket = `/${this.#options.bucket}/`;
    const path = decodeURIComponent(String(name));
    const object = path.startsWith(bucket) ? this.#objects.get(path.slice(bucket.length)) : undefined;
    if (object === undefined) return null;
    const range = headers[`${prefix}copy-source-range`];
    const part = serveObject(object, {}, range === undefined ? undefined : String(range));
    return makeObject(part.body as Uint8Array);
  }

  #ofUpload({ method, headers, body }: FakeRequest, key: string, query: URLSearchParams): FakeAnswer {
    const id = query.get("uploadId") as string;
    const upload = this.#uploads.get(id);
    if (upload?.key !== key) return error(404, "NoSuchUpload");
    switch (method) {
      case "PUT": {
        const source = this.#source(headers);
        if (source === null) return error(404, "NoSuchKey");
        const part = makeObject(source?.bytes ?? body);
        upload.parts.set(Number(query.get("partNumber")), part);
        if (source !== undefined) return xml("CopyPartResult", element("ETag", part.etag));
        return { status: 200, headers: { etag: part.etag } };
      }
      case "GET":
        return this.#listParts(upload.parts, Number(query.get("part-number-marker") ?? 0));
      case "DELETE":
        this.#uploads.delete(id);
        return { status: 204 };
      case "POST":
        return this.#complete(id, upload.parts, key, body.toString());
      default:
        return error(405, "MethodNotAllowed");
    }
  }

  #listParts(parts: ReadonlyMap<number, StoredObject>, after: number): FakeAnswer {
    const { page = 3 } = this.#options;
    const left = [...parts].filter(([number]) => number > after).sort(([a], [b]) => a - b);
    const shown = left.slice(0, page).map(([number, { bytes, etag }]) => {
      const size = element("Size", String(bytes.length));
      return `<Part>${element("PartNumber", String(number))}${element("ETag", etag)}${size}</Part>`;
    });
    const next = element("NextPartNumberMarker", String(left[page - 1]?.[0] ?? 0));
    return xml("ListPartsResult", `${truncated(left.length > page)}${next}${shown.join("")}`);
  }

  #complete(id: string, parts: ReadonlyMap<number, StoredObject>, key: string, body: string): FakeAnswer {
    const named = [...body.matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]*)<\/ETag>/g)];
    const chosen: Buffer[] = [];
    let before = 0;
    for (const [, number, etag] of named) {
      const part = parts.get(Number(number));
      if (part?.etag !== etag?.replaceAll("&quot;", '"')) return error(400, "InvalidPart");
      if (Number(number) <= before) return error(400, "InvalidPartOrder");
      before = Number(number);
      chosen.push((part as StoredObject).bytes);
    }
    if (chosen.length === 0) return error(400, "MalformedXML");
    if (chosen.slice(0, -1).some(({ length }) => length < least)) return error(400, "EntityTooSmall");
    const made = makeObject(Buffer.concat(chosen));
    this.#objects.set(key, made);
    this.#uploads.delete(id);
    return xml("CompleteMultipartUploadResult", element("ETag", made.etag));
  }

  #ofBucket(request: FakeRequest, query: URLSearchParams): FakeAnswer {
    if (request.method === "POST" && query.has("delete")) return this.#deleteMany(request);
    if (query.has("uploads")) return this.#listUploads(query);
    if (query.get("list-type") !== "2") return error(400, "InvalidArgument");
    const prefix = query.get("prefix") ?? "";
    const limit = Number(query.get("max-keys"));
    const after = Buffer.from(query.get("continuation-token") ?? "", "base64").toString();
    const page = listPage(this.#objects.keys(), {
      prefix,
      delimiter: query.get("delimiter") ?? "",
      after,
      limit,
    });
    const contents = page.keys.map((key) => {
      const { bytes, modified } = this.#objects.get(key) as StoredObject;
      const time = element("LastModified", modified.toISOString());
      return `<Contents>${element("Key", key)}${element("Size", String(bytes.length))}${time}</Contents>`;
    });
    const prefixes = page.prefixes.map(
      (name) => `<CommonPrefixes>${element("Prefix", name)}</CommonPrefixes>`,
    );
    const token =
      page.next === undefined
        ? ""
        : element("NextContinuationToken", Buffer.from(page.next).toString("base64"));
    const all = [truncated(page.next !== undefined), token, ...contents, ...prefixes];
    return xml("ListBucketResult", all.join(""));
  }

  #listUploads(query: URLSearchParams): FakeAnswer {
    const { page = 3 } = this.#options;
    const prefix = query.get("prefix") ?? "";
    const [marker, idMarker] = [query.get("key-marker") ?? "", query.get("upload-id-marker") ?? ""];
    const all = [...this.#uploads]
      .map(([id, { key }]) => ({ id, key }))
      .filter(({ key, id }) => key.startsWith(prefix) && (key > marker || (key === marker && id > idMarker)))
      .sort((a, b) => (a.key === b.key ? (a.id < b.id ? -1 : 1) : a.key < b.key ? -1 : 1));
    const shown = all.slice(0, page);
    const last = shown.at(-1);
    const next = last && element("NextKeyMarker", last.key) + element("NextUploadIdMarker", last.id);
    const uploads = shown.map(
      ({ id, key }) => `<Upload>${element("Key", key)}${element("UploadId", id)}</Upload>`,
    );
    return xml("ListMultipartUploadsResult", truncated(all.length > page) + (next ?? "") + uploads.join(""));
  }

  #deleteMany({ headers, body }: FakeRequest): FakeAnswer {
    const sum = createHash("md5").update(body).digest("base64");
    if (headers["content-md5"] !== sum) return error(400, "InvalidDigest");
    const keys = [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) =>
      unescape(key as string),
    );
    if (keys.length > 1000) return error(400, "MalformedXML");
    for (const key of keys) this.#objects.delete(key);
    return xml("DeleteResult", "");
  }

  #prefix(): string {
    return this.#options.vendor === "s3" ? "x-amz-" : "x-oss-";
  }
}

/** The reason why a signature is wrong. Both references: "Signature version 4", request header and query forms. */
function verify(options: S3FakeOptions, request: FakeRequest): string | undefined {
  const query = request.url.searchParams;
  const inQuery = query.has("X-Amz-Signature") || query.has("x-oss-signature");
  const given = inQuery ? fromQuery(options, query) : fromHeader(options, request);
  if (typeof given === "string") return given;
  const { date, signed, payload, signature } = given;
  if (
    Math.abs(Date.parse(date.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3T$4:$5:$6Z")) - Date.now()) >
    900_000
  ) {
    return "RequestTimeTooSkewed";
  }
  const body = createHash("sha256").update(request.body).digest("hex");
  if (payload !== "UNSIGNED-PAYLOAD" && payload !== body) return "XAmzContentSHA256Mismatch";
  const canonical = canonicalOf(options, request, signed, payload);
  const [service, end, start] =
    options.vendor === "s3" ? ["s3", "aws4_request", "AWS4"] : ["oss", "aliyun_v4_request", "aliyun_v4"];
  const algorithm = options.vendor === "s3" ? "AWS4-HMAC-SHA256" : "OSS4-HMAC-SHA256";
  const scope = [date.slice(0, 8), options.region, service, end];
  const text = [algorithm, date, scope.join("/"), createHash("sha256").update(canonical).digest("hex")].join(
    "\n",
  );
  let key: Buffer | string = start + options.secretKey;
  for (const step of [...scope, text]) key = createHmac("sha256", key).update(step).digest();
  return (key as Buffer).toString("hex") === signature ? undefined : `expected over\n${canonical}`;
}

interface Given {
  readonly date: string;
  readonly signed: readonly string[];
  readonly payload: string;
  readonly signature: string;
}

function fromHeader(options: S3FakeOptions, { headers }: FakeRequest): Given | string {
  const { vendor, accessKey } = options;
  const pattern =
    vendor === "s3"
      ? /^AWS4-HMAC-SHA256 Credential=([^/]+)\/[^,]+, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/
      : /^OSS4-HMAC-SHA256 Credential=([^/]+)\/[^,]+,()Signature=([0-9a-f]{64})$/;
  const [, key, names, signature] = pattern.exec(headers.authorization ?? "") ?? [];
  if (key !== accessKey) return `InvalidAccessKeyId ${headers.authorization}`;
  const prefix = vendor === "s3" ? "x-amz-" : "x-oss-";
  const own = Object.keys(headers).filter((name) => name.startsWith(prefix));
  if (vendor === "s3") {
    const missing = own.find((name) => !names?.split(";").includes(name));
    if (missing !== undefined || !names?.split(";").includes("host")) return `${missing} is not signed`;
  }
  const implied = [
    ...own,
    ...["content-type", "content-md5"].filter((name) => headers[name] !== undefined),
  ].sort();
  return {
    date: String(headers[`${prefix}date`]),
    signed: vendor === "s3" ? (names as string).split(";") : implied,
    payload: String(headers[`${prefix}content-sha256`]),
    signature: signature as string,
  };
}

function fromQuery({ vendor, accessKey }: S3FakeOptions, query: URLSearchParams): Given | string {
  const get = (name: string) =>
    query.get(vendor === "s3" ? `X-Amz-${name}` : `x-oss-${name.toLowerCase()}`) ?? "";
  if (!get("Credential").startsWith(`${accessKey}/`)) return "InvalidAccessKeyId";
  if (!(Number(get("Expires")) > 0)) return "AuthorizationQueryParametersError";
  const signed = vendor === "s3" ? get("SignedHeaders").split(";") : [];
  return { date: get("Date"), signed, payload: "UNSIGNED-PAYLOAD", signature: get("Signature") };
}

function canonicalOf(
  { vendor }: S3FakeOptions,
  { method, target, headers }: FakeRequest,
  signed: readonly string[],
  payload: string,
): string {
  const [path = "", search = ""] = target.split("?");
  const pairs = search
    .split("&")
    .filter((pair) => pair !== "" && !/^(?:X-Amz-Signature|x-oss-signature)=/.test(pair))
    .map((pair) => pair.split("="))
    .map(([name = "", value = ""]) =>
      (value === "" && vendor === "oss" ? name : `${name}=${value}`).replaceAll("+", "%20"),
    )
    .map((pair) => pair.replaceAll("*", "%2A"))
    .sort((a, b) => ((a.split("=")[0] as string) < (b.split("=")[0] as string) ? -1 : 1));
  const lines = signed.map((name) => `${name}:${String(headers[name]).trim()}\n`).join("");
  return [method, path, pairs.join("&"), lines, vendor === "s3" ? signed.join(";") : "", payload].join("\n");
}

const element = (name: string, text: string): string =>
  `<${name}>${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;")}</${name}>`;
const truncated = (more: boolean): string => element("IsTruncated", String(more));
const unescape = (text: string): string =>
  text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

function xml(name: string, inner: string): FakeAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<${name} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</${name}>`;
  return { status: 200, headers: { "content-type": "application/xml" }, body };
}

function error(status: number, code: string, message = code): FakeAnswer {
  return { ...xml("Error", element("Code", code) + element("Message", message)), status };
}
