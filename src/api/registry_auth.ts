/** Credentials that come with a call: `X-Registry-Auth`, `X-Registry-Config`, and the body of `POST /auth`. */
import type { Credentials } from "../engine/index.ts";
import type { Call } from "./http/index.ts";

/** Registry host (`docker.io`, `host:port`) to credentials; undefined: anonymous. */
export type CallCredentials = (domain: string) => Promise<Credentials | undefined>;

/**
 * The one set of credentials of a pull or push, for the registry of its name and no other. What cannot be read counts as
 * none, as in Docker (moby, daemon/server/router/image: "Ignore invalid AuthConfig").
 */
export function credentialsFor(call: Call, domain: string): CallCredentials {
  const given = credentialsOf(decoded(call, "x-registry-auth"));
  return async (asked) => (asked === domain ? given : undefined);
}

/** Those of a build: a record by the registry's name, as `docker login` keeps them. */
export function credentialsOfBuild(call: Call): CallCredentials {
  const given = decoded(call, "x-registry-config");
  const byDomain = new Map<string, Credentials>();
  if (isRecord(given)) {
    for (const [server, value] of Object.entries(given)) {
      const credentials = credentialsOf(value);
      if (credentials !== undefined) byDomain.set(domainOf(server), credentials);
    }
  }
  return async (domain) => byDomain.get(domain);
}

/** Docker's AuthConfig (moby, api/types/registry/authconfig.go). */
export function credentialsOf(value: unknown): Credentials | undefined {
  if (!isRecord(value)) return undefined;
  const [username, password, identity, bearer, auth] = [
    "username",
    "password",
    "identitytoken",
    "registrytoken",
    "auth",
  ].map((key) => (typeof value[key] === "string" ? value[key] : ""));
  if (bearer) return { kind: "registry", token: bearer };
  if (identity) return { kind: "identity", token: identity, ...(username ? { username } : {}) };
  if (username || password) return { kind: "password", username: username ?? "", password: password ?? "" };
  return auth ? fromBasic(auth) : undefined;
}

/** `base64(user:password)`, as in Docker's config file. */
function fromBasic(auth: string): Credentials | undefined {
  const text = Buffer.from(auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1) return undefined;
  return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The registry of a key of Docker's config file: the Hub has several names, others their host, perhaps as a URL. */
export function domainOf(server: string): string {
  const host = server.replace(/^https?:\/\//, "").split("/", 1)[0] ?? "";
  return ["", "index.docker.io", "registry-1.docker.io"].includes(host) ? "docker.io" : host;
}

/** Base64 of either alphabet. */
function decoded(call: Call, header: string): unknown {
  const value = call.request.headers[header];
  if (typeof value !== "string" || value === "") return undefined;
  try {
    return JSON.parse(Buffer.from(value, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
