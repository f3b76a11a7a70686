/** What the tests of access share: keys, tokens, a server that asks the controller under test. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { formatRegistryErrors } from "../../wire/index.ts";
import { RegistryError } from "../registry_error.ts";
import { formatUnsigned } from "./tokens/jwt.ts";
import { algorithmOf, signBytes } from "./tokens/signature_algorithm.ts";
import type { AccessRequest, AccessController, Access, Scope } from "./types.ts";

export const ecKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

/** A signed token; the algorithm is the key's usual one. */
export function signToken(key: KeyObject, header: object, claims: object, alg = algorithmOf(key)!): string {
  const unsigned = formatUnsigned({ typ: "JWT", alg, ...header }, claims);
  return `${unsigned}.${signBytes(alg, key, Buffer.from(unsigned)).toString("base64url")}`;
}

export function scope(name: string, ...actions: Scope["actions"]): Scope {
  return { type: "repository", name, actions };
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** What a controller is asked. */
export function asking(authorization: string | undefined, ...needed: Scope[]): AccessRequest {
  const headers = authorization === undefined ? {} : { authorization };
  return { request: { headers } as IncomingMessage, origin: "http://registry.example", needed };
}

/** `200 jo`, or the status, code and challenge of the refusal. */
export async function outcome(
  controller: AccessController,
  authorization: string | undefined,
  ...needed: Scope[]
): Promise<string> {
  try {
    const { user } = await controller.authorize(asking(authorization, ...needed));
    return `200 ${user ?? "-"}`;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const challenge = error.headers["WWW-Authenticate"];
    return [error.status, error.items[0]?.code, challenge].filter(Boolean).join(" ");
  }
}

/** Serves on a free port; the address is `http://127.0.0.1:PORT`. */
export async function serveHttp(listener: RequestListener): Promise<{ url: string } & AsyncDisposable> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: close };
}

/** A registry without contents: the access under test, and 200 for whom it lets in. `?need=` holds scopes' text. */
export function serveAccess(access: Access) {
  return serveHttp(async (request, response) => {
    try {
      if (await access.answer(request, response)) return;
      const origin = `http://${request.headers.host}`;
      const identity = await access.controller.authorize({ request, origin, needed: neededBy(request) });
      response.end(JSON.stringify(identity));
    } catch (error) {
      const known = error instanceof RegistryError;
      response.writeHead(known ? error.status : 500, known ? { ...error.headers } : {});
      response.end(formatRegistryErrors(known ? error.items : [{ code: "UNKNOWN", message: String(error) }]));
    }
  });
}

function neededBy(request: IncomingMessage): Scope[] {
  const match = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(request.url ?? "");
  if (match === null) return [];
  return [
    scope(match[1]!, ...(request.method === "GET" ? (["pull"] as const) : (["pull", "push"] as const))),
  ];
}
