/**
 * `GET /token` (distribution's docs/spec/auth/token.md), `POST /token` (docs/spec/auth/oauth.md) and
 * `GET /.well-known/jwks.json`, from which others learn our keys.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isFailure } from "../../../errors.ts";
import { formatRegistryErrors, type RegistryErrorItem } from "../../../wire/index.ts";
import { RegistryError } from "../../registry_error.ts";
import { refuseBasic } from "../challenge.ts";
import { readCredentials } from "../credentials.ts";
import { anonymous } from "../open_access.ts";
import type { PasswordSource } from "../password_source.ts";
import { formatScope, parseScope } from "../scope.ts";

import type { Identity, Scope } from "../types.ts";
import type { SigningKeys } from "./signing_keys.ts";
import type { AccessToken, TokenIssuer } from "./token_issuer.ts";

export interface TokenEndpointOptions {
  readonly issuer: TokenIssuer;
  readonly keys: SigningKeys;
  readonly passwords: PasswordSource;
  /** Of the Basic challenge to wrong credentials. */
  readonly realm: string;
}

/** A token must fit in a request's head, and a form in memory. */
const [mostScopes, longestForm] = [50, 1 << 16];

/** `/auth/token` is where distribution's `autoredirect` leads. */
const tokenPaths: ReadonlySet<string> = new Set(["/token", "/auth/token"]);

export class TokenEndpoint {
  readonly #options: TokenEndpointOptions;

  constructor(options: TokenEndpointOptions) {
    this.#options = options;
  }

  /** Answers a request for one of the paths here; false: it is for none of them, and nothing was done. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const [path = "", ...query] = (request.url ?? "").split("?");
    const isToken = tokenPaths.has(path);
    if (!isToken && path !== "/.well-known/jwks.json") return false;
    try {
      const body = isToken
        ? await this.#token(request, new URLSearchParams(query.join("?")))
        : await this.#jwks(request);
      send(response, 200, body, isToken ? "no-store" : "public, max-age=300");
    } catch (error) {
      refuse(response, error);
    }
    return true;
  }

  async #jwks({ method }: IncomingMessage): Promise<object> {
    if (method !== "GET" && method !== "HEAD") throw new RegistryError("UNSUPPORTED");
    return this.#options.keys.publicSet();
  }

  async #token(request: IncomingMessage, query: URLSearchParams): Promise<object> {
    const isForm = request.method === "POST";
    if (!isForm && request.method !== "GET") throw new RegistryError("UNSUPPORTED");
    const form = isForm ? await readForm(request) : query;
    const { issuer } = this.#options;
    if (form.get("service") !== issuer.service) throw new BadForm(`service must be ${issuer.service}`);
    const wanted = scopesOf(form);
    const identity = isForm ? await this.#byGrant(form) : await this.#byHeader(request);
    const issued = await issuer.issue(identity, wanted);
    const isOffline = form.get("offline_token") === "true" || form.get("access_type") === "offline";
    const refresh = await this.#refreshToken(form, identity, isOffline);
    return { ...tokenBody(issued), ...(refresh !== undefined && { refresh_token: refresh }) };
  }

  async #refreshToken(
    form: URLSearchParams,
    { user }: Identity,
    isOffline: boolean,
  ): Promise<string | undefined> {
    // The one that was shown stays good: clients keep it, and do not look for a new one.
    if (form.get("grant_type") === "refresh_token") return form.get("refresh_token") ?? undefined;
    return isOffline && user !== undefined ? this.#options.issuer.issueRefresh(user) : undefined;
  }

  async #byHeader({ headers }: IncomingMessage): Promise<Identity> {
    const credentials = readCredentials(headers.authorization);
    if (credentials.kind === "none") return anonymous;
    if (credentials.kind !== "password") throw this.#refused();
    return this.#byPassword(credentials.user, credentials.password);
  }

  async #byGrant(form: URLSearchParams): Promise<Identity> {
    switch (form.get("grant_type")) {
      case "password":
        return this.#byPassword(form.get("username") ?? "", form.get("password") ?? "");
      case "refresh_token":
        return this.#byRefresh(form.get("refresh_token") ?? "");
      default:
        throw new BadForm("grant_type must be password or refresh_token");
    }
  }

  async #byPassword(user: string, password: string): Promise<Identity> {
    const identity = await this.#options.passwords.identify(user, password);
    if (identity === undefined) throw this.#refused();
    return identity;
  }

  async #byRefresh(token: string): Promise<Identity> {
    const identity = await this.#options.issuer.redeemRefresh(token).catch((error: unknown) => {
      if (isFailure(error, "unauthorized")) return undefined;
      throw error;
    });
    if (identity === undefined) throw this.#refused();
    return identity;
  }

  #refused(): WrongCredentials {
    return new WrongCredentials(refuseBasic(this.#options.realm, []).headers);
  }
}

class WrongCredentials extends Error {
  readonly headers: Readonly<Record<string, string>>;

  constructor(headers: Readonly<Record<string, string>>) {
    // Not the code's usual text: of that, docker shows nothing but the code.
    super("incorrect username or password");
    this.headers = headers;
  }
}

/** A request that no client of ours makes. */
class BadForm extends Error {}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = [];
  let size = 0;
  // To destroy the request at the end of the loop would break the connection before the answer.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > longestForm) throw new BadForm(`the form is longer than ${longestForm} bytes`);
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}

/** `scope` comes several times in a query, and as a list with blanks in a form. What we do not know gives no rights. */
function scopesOf(form: URLSearchParams): Scope[] {
  const texts = form.getAll("scope").flatMap((text) => text.split(" ").filter(Boolean));
  if (texts.length > mostScopes) throw new BadForm(`more than ${mostScopes} scopes`);
  return texts.flatMap((text) => parseScope(text) ?? []);
}

function tokenBody({ token, scopes, expires, issued }: AccessToken): object {
  return {
    token,
    access_token: token,
    token_type: "Bearer",
    scope: scopes.map(formatScope).join(" "),
    expires_in: expires,
    issued_at: new Date(issued).toISOString(),
  };
}

function refuse(response: ServerResponse, error: unknown): void {
  if (error instanceof WrongCredentials) {
    for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
    sendErrors(response, 401, [{ code: "UNAUTHORIZED", message: error.message }]);
  } else if (error instanceof RegistryError) {
    for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
    sendErrors(response, error.status, error.items);
  } else if (error instanceof BadForm) {
    response.setHeader("Connection", "close");
    sendErrors(response, 400, [{ code: "UNSUPPORTED", message: error.message }]);
  } else throw error;
}

function sendErrors(response: ServerResponse, status: number, items: readonly RegistryErrorItem[]): void {
  sendText(response, status, formatRegistryErrors(items), "no-store");
}

function send(response: ServerResponse, status: number, body: object, caching: string): void {
  sendText(response, status, JSON.stringify(body), caching);
}

function sendText(response: ServerResponse, status: number, text: string, caching: string): void {
  response.writeHead(status, {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": caching,
  });
  response.end(text);
}
