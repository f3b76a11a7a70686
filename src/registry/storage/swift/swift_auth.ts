/**
 * Who we are to OpenStack, in its two ways: version 1 (a header each for user and key) and Keystone's version 3 (a token
 * for a project, with a catalog of services).
 * Sources: Swift "Auth system" (TempAuth), Keystone "Identity API v3", section "Password authentication".
 */
import { Failure } from "../../../errors.ts";
import { HttpClient, type WholeResponse } from "../objects/http_client.ts";
import { storeFailure } from "../objects/store_failure.ts";

export interface SwiftLogin {
  readonly authUrl: string;
  readonly version: 1 | 3;
  readonly username: string;
  readonly password: string;
  readonly domain?: { readonly name?: string | undefined; readonly id?: string | undefined };
  /** Tenant, as distribution calls it. */
  readonly project?: {
    readonly name?: string | undefined;
    readonly id?: string | undefined;
    readonly domainName?: string | undefined;
    readonly domainId?: string | undefined;
  };
  readonly trustId?: string | undefined;
  readonly region?: string | undefined;
  readonly endpointType: "public" | "internal" | "admin";
  readonly skipVerify: boolean;
}

export interface SwiftSession {
  readonly token: string;
  /** Address of the account, without a final slash. */
  readonly storageUrl: string;
}

/** Throws `Failure("denied")`, and `unavailable` for a catalog without a place for objects. */
export async function logIn(login: SwiftLogin): Promise<SwiftSession> {
  const http = new HttpClient({ driver: "swift", sign: async () => ({}), skipVerify: login.skipVerify });
  try {
    return await (login.version === 1 ? logInV1(http, login) : logInV3(http, login));
  } finally {
    http.close();
  }
}

async function logInV1(http: HttpClient, { authUrl, username, password }: SwiftLogin): Promise<SwiftSession> {
  const request = {
    method: "GET",
    url: new URL(authUrl),
    headers: { "X-Auth-User": username, "X-Auth-Key": password },
  };
  const answer = await http.sendWhole(request);
  const { "x-auth-token": token, "x-storage-url": storage } = answer.headers;
  if (answer.status < 300 && token !== undefined && storage !== undefined) {
    return { token: String(token), storageUrl: String(storage).replace(/\/$/, "") };
  }
  throw storeFailure("swift", request, answer);
}

async function logInV3(http: HttpClient, login: SwiftLogin): Promise<SwiftSession> {
  const { authUrl, username, password, domain = {} } = login;
  const url = new URL(`${authUrl.replace(/\/(?:auth\/tokens\/?)?$/, "")}/auth/tokens`);
  const user = {
    name: username,
    password,
    domain: domain.id === undefined ? { name: domain.name ?? "Default" } : { id: domain.id },
  };
  const identity = { methods: ["password"], password: { user } };
  const body = Buffer.from(JSON.stringify({ auth: { identity, ...scopeOf(login) } }));
  const request = { method: "POST", url, body, headers: { "Content-Type": "application/json" } };
  const answer = await http.sendWhole(request);
  const token = answer.headers["x-subject-token"];
  if (answer.status >= 300 || token === undefined) throw storeFailure("swift", request, answer);
  return { token: String(token), storageUrl: endpointOf(login, answer) };
}

function scopeOf({ project, trustId, domain }: SwiftLogin): object {
  if (trustId !== undefined) return { scope: { "OS-TRUST:trust": { id: trustId } } };
  if (project?.id !== undefined) return { scope: { project: { id: project.id } } };
  if (project?.name === undefined) return {};
  const id = project.domainId ?? (project.domainName === undefined ? domain?.id : undefined);
  const of = id === undefined ? { name: project.domainName ?? domain?.name ?? "Default" } : { id };
  return { scope: { project: { name: project.name, domain: of } } };
}

interface Catalog {
  readonly token?: {
    readonly catalog?: readonly {
      readonly type?: string;
      readonly endpoints?: readonly {
        readonly interface?: string;
        readonly region?: string;
        readonly url?: string;
      }[];
    }[];
  };
}

function endpointOf({ region, endpointType }: SwiftLogin, { bytes }: WholeResponse): string {
  const { token } = JSON.parse(Buffer.from(bytes).toString("utf8")) as Catalog;
  const service = token?.catalog?.find(({ type }) => type === "object-store");
  const endpoint = service?.endpoints?.find(
    (candidate) =>
      candidate.interface === endpointType && (region === undefined || candidate.region === region),
  );
  if (endpoint?.url !== undefined) return endpoint.url.replace(/\/$/, "");
  const where = region === undefined ? "" : ` in region ${region}`;
  throw new Failure("unavailable", `OpenStack's catalog has no ${endpointType} object-store${where}`);
}
