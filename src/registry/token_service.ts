/**
 * Who may do what: nobody asked, HTTP Basic, or bearer tokens that this registry hands out itself at `/token`
 * (distribution's docs/spec/auth/token.md and oauth.md). Tokens are opaque and live in memory.
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { AccessController, AccessRequest, Identity } from "./access/types.ts";
import type { Exchange } from "./exchange.ts";
import { answer, readBody } from "./exchange.ts";
import { RegistryError } from "./registry_error.ts";

export interface RegistryAuth {
  readonly kind: "basic" | "token";
  /** Password by user name. */
  readonly users: Readonly<Record<string, string>>;
  /**
   * Whether `user` (undefined: anonymous) may do `action` (`pull`, `push`, `delete`, `*`) on `name`.
   * Default: known users everything, anonymous nothing. For `kind: "token"` only.
   */
  readonly allow?: (user: string | undefined, name: string, action: string) => boolean;
  /** Life of a token in seconds, default 300. */
  readonly tokenSeconds?: number;
  /** Default `Date.now`. Milliseconds. */
  readonly now?: () => number;
}

/** As a client writes it, so any words. */
interface TokenScope {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

interface Grant {
  readonly user: string | undefined;
  readonly scopes: readonly TokenScope[];
  readonly expires: number;
}

export class TokenService implements AccessController {
  readonly #auth: RegistryAuth;
  readonly #grants = new Map<string, Grant>();
  readonly #refresh = new Map<string, string>();

  constructor(auth: RegistryAuth) {
    this.#auth = auth;
  }

  /** Lets the request through, or throws UNAUTHORIZED with the challenge that tells the client what to get. */
  async authorize({ request, origin, needed }: AccessRequest): Promise<Identity> {
    if (this.#auth.kind === "basic") {
      const user = this.#basicUser(request);
      if (user !== undefined) return { user, groups: [] };
      throw new RegistryError("UNAUTHORIZED", undefined, { "WWW-Authenticate": 'Basic realm="varve"' });
    }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    const grant = token === undefined ? undefined : this.#grants.get(token);
    const problem = this.#problem(token, grant, needed);
    if (problem === undefined) return { user: grant?.user, groups: [] };
    const parts = [`realm="${origin}/token"`, 'service="varve"'];
    if (needed.length > 0) parts.push(`scope="${needed.map(formatScope).join(" ")}"`);
    if (problem !== "") parts.push(`error="${problem}"`);
    throw new RegistryError(
      "UNAUTHORIZED",
      [needed.map(({ type, name, actions }) => ({ Type: type, Name: name, Action: actions.join(",") }))],
      { "WWW-Authenticate": `Bearer ${parts.join(",")}` },
    );
  }

  /** `GET|POST /token`. */
  async answerToken(exchange: Exchange): Promise<void> {
    const form =
      exchange.method === "POST"
        ? new URLSearchParams((await readBody(exchange, 1 << 16)).toString("utf8"))
        : exchange.query;
    const user = this.#userOf(exchange, form);
    const seconds = this.#auth.tokenSeconds ?? 300;
    const wanted = form.getAll("scope").flatMap((text) => text.split(" ").filter(Boolean).map(parseScope));
    const scopes = wanted.map((scope) => ({
      ...scope,
      actions: scope.actions.filter((action) => this.#mayDo(user, scope.name, action)),
    }));
    const token = randomBytes(16).toString("hex");
    this.#grants.set(token, { user, scopes, expires: this.#now() + seconds * 1000 });
    const body: Record<string, unknown> = { token, access_token: token, expires_in: seconds };
    if (form.get("offline_token") === "true" || form.get("access_type") === "offline") {
      const refresh = randomBytes(16).toString("hex");
      if (user !== undefined) this.#refresh.set(refresh, user);
      body["refresh_token"] = refresh;
    }
    await answer(exchange, 200, { "Content-Type": "application/json" }, JSON.stringify(body));
  }

  /** Undefined is anonymous; wrong credentials throw. */
  #userOf(exchange: Exchange, form: URLSearchParams): string | undefined {
    const refused = new RegistryError("UNAUTHORIZED", undefined, {
      "WWW-Authenticate": 'Basic realm="varve"',
    });
    if (form.get("grant_type") === "refresh_token") {
      const user = this.#refresh.get(form.get("refresh_token") ?? "");
      if (user === undefined) throw refused;
      return user;
    }
    if (form.get("grant_type") === "password") {
      const user = this.#check(form.get("username") ?? "", form.get("password") ?? "");
      if (user === undefined) throw refused;
      return user;
    }
    if (exchange.request.headers.authorization === undefined) return undefined;
    const user = this.#basicUser(exchange.request);
    if (user === undefined) throw refused;
    return user;
  }

  #problem(
    token: string | undefined,
    grant: Grant | undefined,
    needed: readonly TokenScope[],
  ): string | undefined {
    if (token === undefined) return "";
    if (grant === undefined || grant.expires <= this.#now()) return "invalid_token";
    const covered = needed.every((scope) =>
      scope.actions.every((action) =>
        grant.scopes.some(
          (got) => got.type === scope.type && got.name === scope.name && got.actions.includes(action),
        ),
      ),
    );
    return covered ? undefined : "insufficient_scope";
  }

  #basicUser(request: IncomingMessage): string | undefined {
    const encoded = /^Basic (.+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (encoded === undefined) return undefined;
    const text = Buffer.from(encoded, "base64").toString("utf8");
    const colon = text.indexOf(":");
    return this.#check(text.slice(0, colon), text.slice(colon + 1));
  }

  #check(user: string, password: string): string | undefined {
    return Object.hasOwn(this.#auth.users, user) && this.#auth.users[user] === password ? user : undefined;
  }

  #mayDo(user: string | undefined, name: string, action: string): boolean {
    return this.#auth.allow?.(user, name, action) ?? user !== undefined;
  }

  #now(): number {
    return (this.#auth.now ?? Date.now)();
  }
}

function parseScope(text: string): TokenScope {
  const [first, last] = [text.indexOf(":"), text.lastIndexOf(":")];
  const actions = text.slice(last + 1).split(",");
  return { type: text.slice(0, first), name: text.slice(first + 1, last), actions };
}

function formatScope(scope: TokenScope): string {
  return `${scope.type}:${scope.name}:${scope.actions.join(",")}`;
}
