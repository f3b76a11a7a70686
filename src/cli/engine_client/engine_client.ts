/** The Engine API from a client's side: requests, streams and connections that are taken over. */
import {
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { Failure, type FailureKind } from "../../errors.ts";
import { connectionOptions } from "./connection_options.ts";
import type { EngineAddress } from "./engine_address.ts";

/** The newest version that this client speaks. */
const newest = "1.50";

export interface CallOptions {
  /** What is undefined or "" is left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

type Method = "GET" | "POST" | "DELETE" | "HEAD";

/** Every failure is a {@link Failure} with the daemon's own message, or `unavailable` when none answers. */
export class EngineClient {
  readonly address: EngineAddress;
  /** Of the API, `1.41`: the older of the two newest. */
  readonly version: string;
  readonly #options: RequestOptions;

  private constructor(address: EngineAddress, version: string, options: RequestOptions) {
    this.address = address;
    this.version = version;
    this.#options = options;
  }

  /** Asks for the version first. Throws `Failure("unavailable")` when no daemon answers. */
  static async connect(address: EngineAddress): Promise<EngineClient> {
    const options = connectionOptions(address);
    const response = await answerOf(sent(address, { ...options, path: "/_ping" }), address);
    await text(response);
    const server = String(response.headers["api-version"] ?? "1.24");
    return new EngineClient(address, older(server, newest), options);
  }

  isAtLeast(version: string): boolean {
    return older(this.version, version) === version;
  }

  /** The answer's JSON; undefined for an answer without a body. */
  async json<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
    const body = await text(await this.stream(method, path, options));
    try {
      return (body.trim() === "" ? undefined : JSON.parse(body)) as T;
    } catch (cause) {
      throw new Failure("unavailable", `${this.address.url} answered ${path} with no JSON`, { cause });
    }
  }

  /** The answer while it comes. Statuses below 400 are answers, also 304 for what is so already. */
  async stream(method: Method, path: string, options: CallOptions = {}): Promise<IncomingMessage> {
    const request = this.#send(method, path, options);
    const response = await answerOf(request, this.address);
    if ((response.statusCode ?? 500) >= 400) throw await failureOf(response);
    return response;
  }

  /** Takes the connection over: what is written goes to the container, what is read comes from it. */
  async hijack(path: string, options: CallOptions = {}): Promise<Duplex> {
    const request = this.#send("POST", path, {
      ...options,
      headers: { ...options.headers, Connection: "Upgrade", Upgrade: "tcp" },
    });
    const upgraded = new Promise<Duplex>((resolve) => {
      request.once("upgrade", (_response, socket: Duplex, head: Buffer) => {
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
    });
    const answered = answerOf(request, this.address).then(async (response) => {
      if ((response.statusCode ?? 500) >= 400) throw await failureOf(response);
      throw new Failure("unavailable", `${this.address.url} does not hand over the connection of ${path}`);
    });
    return Promise.race([upgraded, answered]);
  }

  #send(method: Method, path: string, options: CallOptions): ClientRequest {
    const { body, headers, signal } = options;
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return sent(
      this.address,
      {
        ...this.#options,
        method,
        path: `/v${this.version}${path}${queryText(options.query)}`,
        headers: {
          ...(bytes !== undefined && { "Content-Type": "application/json" }),
          ...(method === "POST" && { "Content-Length": bytes?.length ?? 0 }),
          ...headers,
        },
        ...(signal !== undefined && { signal }),
      },
      bytes,
    );
  }
}

function queryText(query: CallOptions["query"] = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const words = given.map(([key, value]) => `${key}=${encodeURIComponent(shown(value))}`);
  return words.length === 0 ? "" : `?${words.join("&")}`;
}

function shown(value: string | number | boolean | undefined): string {
  return typeof value === "boolean" ? (value ? "1" : "0") : String(value);
}

function sent(address: EngineAddress, options: RequestOptions, body?: Buffer): ClientRequest {
  const request =
    address.kind === "tcp" && address.tls !== undefined ? secureRequest(options) : httpRequest(options);
  request.end(body);
  return request;
}

/** Loaded where it is needed: TLS costs some milliseconds. */
function secureRequest(options: RequestOptions): ClientRequest {
  const { request } = process.getBuiltinModule("node:https");
  return request(options);
}

function answerOf(request: ClientRequest, address: EngineAddress): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once("response", resolve);
    request.once("error", (error) => reject(connectFailure(error, address)));
  });
}

function connectFailure(error: NodeJS.ErrnoException, { url }: EngineAddress): Error {
  if (error.name === "AbortError") return error;
  if (error.code === "EACCES" || error.code === "EPERM") {
    return new Failure("denied", `permission denied while trying to connect to the daemon at ${url}`, {
      hint: "Become root, or a member of the group that 'varve daemon --group' names.",
      cause: error,
    });
  }
  const why = error.code === "ENOENT" || error.code === "ECONNREFUSED" ? "" : `: ${error.message}`;
  return new Failure("unavailable", `no daemon answers at ${url}${why}`, {
    hint: "Start one with 'varve daemon', or name another with --host.",
    cause: error,
  });
}

const kinds: Readonly<Record<number, FailureKind>> = {
  400: "invalid",
  401: "unauthorized",
  403: "denied",
  404: "not-found",
  409: "conflict",
  501: "unsupported",
  503: "unavailable",
};

async function failureOf(response: IncomingMessage): Promise<Failure> {
  const status = response.statusCode ?? 500;
  const body = await text(response);
  return new Failure(
    kinds[status] ?? "internal",
    messageOf(body) ?? `the daemon answered with status ${status}`,
  );
}

function messageOf(body: string): string | undefined {
  try {
    const { message } = JSON.parse(body) as { readonly message?: unknown };
    if (typeof message === "string") return message.trimEnd();
  } catch {
    // Of something between us and the daemon: its text says more than the status.
  }
  return body.trim() === "" ? undefined : body.trim();
}

function older(one: string, other: string): string {
  const [a = 0, b = 0] = one.split(".").map(Number);
  const [c = 0, d = 0] = other.split(".").map(Number);
  return a < c || (a === c && b <= d) ? one : other;
}
