/**
 * A protocol fake of Google Cloud Storage's JSON API, of its tokens and of its signed URLs, written from its reference.
 * What is signed is verified with the public half of the key, from the request as it came over the wire.
 */
import { createHash, generateKeyPairSync, randomUUID, verify as verifySignature } from "node:crypto";
import { listPage, makeObject, serveFake, serveObject } from "./object_fake.ts";
import type { FakeAnswer, FakeRequest, FakeServer, StoredObject } from "./object_fake.ts";

export interface GcsFakeOptions {
  readonly bucket: string;
  /** Names a page; default 1,000. */
  readonly page?: number;
  /** A session takes at most so many bytes of one request; default all. */
  readonly most?: number;
}

export interface GcsFake extends FakeServer {
  readonly objects: Map<string, StoredObject>;
  readonly sessions: Map<string, { readonly key: string; bytes: Buffer }>;
  /** A service account's key, as a key file holds it. */
  readonly key: (origin: string) => Readonly<Record<string, string>>;
}

const quantum = 256 << 10;
const email = "registry@project.iam.gserviceaccount.com";
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

export async function gcsFake(options: GcsFakeOptions): Promise<GcsFake> {
  const store = new Store(options);
  const server = await serveFake((request) => store.answer(request));
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const key = (origin: string) => ({
    type: "service_account",
    client_email: email,
    private_key: pem,
    token_uri: `${origin}/token`,
  });
  return Object.assign(server, { objects: store.objects, sessions: store.sessions, key });
}

class Store {
  readonly objects: GcsFake["objects"] = new Map();
  readonly sessions: GcsFake["sessions"] = new Map();
  readonly #types = new Map<StoredObject, Readonly<Record<string, string>>>();
  readonly #options: GcsFakeOptions;

  constructor(options: GcsFakeOptions) {
    this.#options = options;
  }

  answer(request: FakeRequest): FakeAnswer {
    const { url, headers, method } = request;
    if (url.pathname === "/token") return token(request);
    const session = url.searchParams.get("upload_id");
    if (session !== null) return this.#ofSession(session, request);
    if (url.searchParams.has("X-Goog-Signature")) return this.#signed(request);
    if (headers.authorization !== "Bearer google") return failed(401, "authError");
    const bucket = `/b/${this.#options.bucket}/o`;
    const path = url.pathname;
    if (path === `/upload/storage/v1${bucket}` && method === "POST") return this.#upload(request);
    if (path === `/storage/v1${bucket}`) return this.#list(url.searchParams);
    const names = path.slice(`/storage/v1${bucket}/`.length).split("/rewriteTo/");
    const [from = "", to] = names.map((name) => decodeURIComponent(name.replace(/^b\/[^/]*\/o\//, "")));
    if (to !== undefined) return this.#rewrite(from, to, url.searchParams);
    return this.#ofObject(from, request);
  }

  #ofObject(key: string, { method, url, headers }: FakeRequest): FakeAnswer {
    const object = this.objects.get(key);
    if (object === undefined) return failed(404, "notFound");
    if (method === "DELETE") {
      this.objects.delete(key);
      return { status: 204 };
    }
    if (url.searchParams.get("alt") !== "media") return json(this.#resource(key, object));
    const generation = url.searchParams.get("ifGenerationMatch");
    if (generation !== null && generation !== object.headers["x-goog-generation"])
      return failed(412, "conditionNotMet");
    return serveObject(object, headers);
  }

  #signed(request: FakeRequest): FakeAnswer {
    const reason = verifyUrl(request);
    if (reason !== undefined) return { status: 403, body: reason };
    const key = decodeURIComponent(request.url.pathname).slice(this.#options.bucket.length + 2);
    const object = this.objects.get(key);
    return object === undefined ? { status: 404 } : serveObject(object, request.headers);
  }

  #upload({ url, headers, body }: FakeRequest): FakeAnswer {
    const query = url.searchParams;
    const key = query.get("name") ?? "";
    switch (query.get("uploadType")) {
      case "media":
        if (query.get("ifGenerationMatch") === "0" && this.objects.has(key))
          return failed(412, "conditionNotMet");
        return json(this.#put(key, body, String(headers["content-type"]), {}));
      case "multipart": {
        const boundary = /boundary=(.+)$/.exec(String(headers["content-type"]))?.[1];
        const text = body.toString("latin1");
        const [, first = "", second = ""] = text.split(`--${boundary}`);
        const resource = JSON.parse(first.slice(first.indexOf("\r\n\r\n"))) as Record<string, unknown>;
        const content = Buffer.from(second.slice(second.indexOf("\r\n\r\n") + 4, -2), "latin1");
        const metadata = resource["metadata"] as Record<string, string>;
        return json(this.#put(String(resource["name"]), content, String(resource["contentType"]), metadata));
      }
      case "resumable": {
        const id = randomUUID();
        this.sessions.set(id, { key, bytes: Buffer.alloc(0) });
        return {
          status: 200,
          headers: { location: `http://${headers.host}${url.pathname}?upload_id=${id}` },
        };
      }
      default:
        return failed(400, "badRequest");
    }
  }

  #ofSession(id: string, { method, headers, body }: FakeRequest): FakeAnswer {
    const session = this.sessions.get(id);
    if (session === undefined) return failed(404, "notFound");
    if (method === "DELETE") {
      this.sessions.delete(id);
      return { status: 499 };
    }
    const [, start, end, total] =
      /^bytes (?:\*|(\d+)-(\d+))\/(\*|\d+)$/.exec(String(headers["content-range"])) ?? [];
    if (total === undefined) return failed(400, "badRequest");
    if (start !== undefined) {
      if (Number(end) - Number(start) + 1 !== body.length) return failed(400, "badRequest");
      if (total === "*" && body.length % quantum !== 0) return failed(400, "badRequest");
      if (Number(start) > session.bytes.length) return failed(503, "backendError");
      const taken = body.subarray(
        session.bytes.length - Number(start),
        total === "*" ? this.#options.most : undefined,
      );
      session.bytes = Buffer.concat([session.bytes, taken]);
    }
    if (total !== "*" && session.bytes.length === Number(total)) {
      this.#put(session.key, session.bytes, "application/octet-stream", {});
      return json({ name: session.key });
    }
    const has = session.bytes.length;
    return { status: 308, headers: has === 0 ? {} : { range: `bytes=0-${has - 1}` } };
  }

  /** In two calls, as a large one may be. */
  #rewrite(from: string, to: string, query: URLSearchParams): FakeAnswer {
    const source = this.objects.get(from);
    if (source === undefined) return failed(404, "notFound");
    if (query.get("rewriteToken") === null) return json({ done: false, rewriteToken: "half" });
    this.#put(to, source.bytes, "application/octet-stream", {});
    return json({ done: true });
  }

  #list(query: URLSearchParams): FakeAnswer {
    const limit = Math.min(Number(query.get("maxResults")), this.#options.page ?? 1000);
    const after = Buffer.from(query.get("pageToken") ?? "", "base64").toString();
    const prefix = query.get("prefix") ?? "";
    const page = listPage(this.objects.keys(), {
      prefix,
      delimiter: query.get("delimiter") ?? "",
      after,
      limit,
    });
    return json({
      items: page.keys.map((key) => this.#resource(key, this.objects.get(key) as StoredObject)),
      prefixes: page.prefixes,
      ...(page.next === undefined ? {} : { nextPageToken: Buffer.from(page.next).toString("base64") }),
    });
  }

  #put(key: string, bytes: Uint8Array, type: string, metadata: Readonly<Record<string, string>>) {
    const headers = { "content-type": type, "x-goog-generation": String(process.hrtime.bigint()) };
    const object = makeObject(bytes, headers);
    this.#types.set(object, metadata);
    this.objects.set(key, object);
    return this.#resource(key, object);
  }

  #resource(key: string, object: StoredObject): object {
    return {
      name: key,
      size: String(object.bytes.length),
      updated: object.modified.toISOString(),
      contentType: object.headers["content-type"],
      metadata: this.#types.get(object) ?? {},
    };
  }
}

/** RFC 7523 */
function token({ body, headers }: FakeRequest): FakeAnswer {
  const form = new URLSearchParams(body.toString());
  const [head = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
  const good = verifySignature(
    "sha256",
    Buffer.from(`${head}.${claims}`),
    publicKey,
    Buffer.from(signature, "base64url"),
  );
  const { iss, aud, exp } = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<
    string,
    unknown
  >;
  const meant =
    iss === email && String(aud).endsWith(`${headers.host}/token`) && Number(exp) * 1000 > Date.now();
  if (!good || !meant) return { status: 400, body: JSON.stringify({ error: "invalid_grant" }) };
  return json({ access_token: "google", expires_in: 3599 });
}

/** "V4 signing process with your own program" */
function verifyUrl({ method, target, url, headers }: FakeRequest): string | undefined {
  const get = (name: string) => url.searchParams.get(`X-Goog-${name}`) ?? "";
  const [path, search = ""] = target.split("?");
  const query = search
    .split("&")
    .filter((pair) => !pair.startsWith("X-Goog-Signature="))
    .sort()
    .join("&");
  const canonical = `${method}\n${path}\n${query}\nhost:${headers.host}\n\nhost\nUNSIGNED-PAYLOAD`;
  const scope = get("Credential").slice(email.length + 1);
  const hash = createHash("sha256").update(canonical).digest("hex");
  const text = `GOOG4-RSA-SHA256\n${get("Date")}\n${scope}\n${hash}`;
  const good = verifySignature("sha256", Buffer.from(text), publicKey, Buffer.from(get("Signature"), "hex"));
  return good && scope === `${get("Date").slice(0, 8)}/auto/storage/goog4_request`
    ? undefined
    : "SignatureDoesNotMatch";
}

function json(value: object): FakeAnswer {
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

function failed(status: number, reason: string): FakeAnswer {
  return { ...json({ error: { code: status, message: reason, errors: [{ reason }] } }), status };
}
