/** A registry with its pages for people, and images to look at. */
import { readConfig } from "../../src/registry/server/config/read_config.ts";
import { startServer } from "../../src/registry/server/start_server.ts";
import { digestOf } from "../../src/oci/index.ts";

const types = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

interface ImageOptions {
  /** One layer for each text; the same text is the same layer. */
  readonly layers?: readonly string[];
  readonly architecture?: string;
  readonly config?: object;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Created by, of each layer. */
  readonly steps?: readonly string[];
}

/** @param keys of the configuration, beside storage in memory and a free port */
export async function serveWeb(keys: Record<string, unknown> = {}) {
  const http = { addr: "127.0.0.1:0", ...(keys["http"] as object | undefined) };
  const overrides = { storage: { inmemory: {}, delete: { enabled: true } }, ...keys, http };
  const lines: string[] = [];
  const config = await readConfig({ environment: {}, overrides });
  const server = await startServer(config, (line) => void lines.push(line));
  const origin = `http://${server.address}`;
  return {
    origin,
    host: server.address,
    lines,
    visit: (headers?: Readonly<Record<string, string>>) => new Visit(origin, headers),
    push: pusher(origin),
    [Symbol.asyncDispose]: () => server.stop(AbortSignal.abort()),
  };
}

interface FormOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Instead of the token of the page's form. */
  readonly token?: string;
}

/** As a browser would: cookies are kept, forms have the token of the page that was got last. */
class Visit {
  readonly #origin: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly cookies = new Map<string, string>();
  token = "";

  constructor(origin: string, headers: Readonly<Record<string, string>> = {}) {
    this.#origin = origin;
    this.#headers = headers;
  }

  async get(path: string) {
    const answer = await this.#ask(path, {});
    this.token = /name="token" value="([^"]*)"/.exec(answer.text)?.[1] ?? this.token;
    return answer;
  }

  post(path: string, fields: Readonly<Record<string, string>>, { headers = {}, token }: FormOptions = {}) {
    const body = new URLSearchParams({ token: token ?? this.token, ...fields }).toString();
    const type = { "Content-Type": "application/x-www-form-urlencoded", Origin: this.#origin };
    return this.#ask(path, { method: "POST", body, headers: { ...type, ...headers } });
  }

  async #ask(path: string, init: RequestInit) {
    const Cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { Accept: "text/html", Cookie, ...this.#headers, ...(init.headers as object) };
    const response = await fetch(`${this.#origin}${path}`, { redirect: "manual", ...init, headers });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (/Max-Age=0/.test(cookie)) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return {
      status: response.status,
      headers: response.headers,
      location: response.headers.get("location"),
      text: await response.text(),
    };
  }
}

/** Pushes what an image is made of. */
function pusher(origin: string) {
  let headers: Record<string, string> = {};
  const put = async (path: string, method: string, body: string, type?: string) => {
    const given = { ...headers, ...(type !== undefined && { "Content-Type": type }) };
    const { status } = await fetch(`${origin}${path}`, { method, body, headers: given });
    if (status !== 201) throw new Error(`${method} ${path}: ${status}`);
  };
  const blob = async (name: string, text: string) => {
    const digest = digestOf(text);
    await put(`/v2/${name}/blobs/uploads/?digest=${digest}`, "POST", text);
    return { digest, size: Buffer.byteLength(text) };
  };
  const manifest = async (name: string, key: string | undefined, document: object, type = types.manifest) => {
    const text = JSON.stringify(document);
    const digest = digestOf(text);
    await put(`/v2/${name}/manifests/${key ?? digest}`, "PUT", text, type);
    return { digest, size: Buffer.byteLength(text), mediaType: type };
  };
  return {
    /** `Authorization` for what follows. */
    as: (authorization: string) => void (headers = { Authorization: authorization }),
    blob,
    manifest,
    async image(name: string, key: string | undefined, options: ImageOptions = {}) {
      const {
        layers = [`layer of ${name}`],
        architecture = "amd64",
        config = {},
        annotations,
        steps,
      } = options;
      const blobs = [];
      for (const text of layers) blobs.push({ mediaType: types.layer, ...(await blob(name, text)) });
      const history = layers.map((_, i) => ({
        created: "2026-01-02T03:04:05Z",
        created_by: steps?.[i] ?? `RUN step ${i}`,
      }));
      const document = {
        architecture,
        os: "linux",
        created: "2026-01-02T03:04:05Z",
        config,
        rootfs: { type: "layers", diff_ids: layers.map((text) => digestOf(text)) },
        history: [...history, { created_by: "CMD (end)", empty_layer: true }],
      };
      const described = { mediaType: types.config, ...(await blob(name, JSON.stringify(document))) };
      return manifest(name, key, {
        schemaVersion: 2,
        mediaType: types.manifest,
        config: described,
        layers: blobs,
        ...(annotations && { annotations }),
      });
    },
    /** @param members what `image` gave, with its architecture */
    index: (name: string, key: string, members: readonly (object & { readonly architecture: string })[]) =>
      manifest(
        name,
        key,
        {
          schemaVersion: 2,
          mediaType: types.index,
          manifests: members.map(({ architecture, ...member }) => ({
            ...member,
            platform: { os: architecture === "unknown" ? "unknown" : "linux", architecture },
          })),
        },
        types.index,
      ),
    referrer: async (name: string, subject: object, artifactType: string) => {
      const config = { mediaType: "application/vnd.oci.empty.v1+json", ...(await blob(name, "{}")) };
      return manifest(name, undefined, {
        schemaVersion: 2,
        mediaType: types.manifest,
        artifactType,
        config,
        layers: [config],
        subject,
      });
    },
  };
}
