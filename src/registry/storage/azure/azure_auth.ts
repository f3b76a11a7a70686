/**
 * Who we are to Azure: the account's shared key, or a bearer token of an application or a machine.
 * Sources: "Authorize with Shared Key", "Create a service SAS" (Storage services REST API), "OAuth 2.0 client credentials flow"
 * (Microsoft identity platform), "Managed identities: acquire a token using HTTP".
 */
import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Failure } from "../../../errors.ts";
import { cachedToken, type BearerToken } from "../objects/bearer_token.ts";
import type { Sign, StoreRequest } from "../objects/http_client.ts";

export const apiVersion = "2021-12-02";

export type AzureCredentials =
  | { readonly kind: "shared-key"; readonly account: string; readonly key: string }
  | {
      readonly kind: "client-secret";
      readonly tenant: string;
      readonly client: string;
      readonly secret: string;
    }
  | { readonly kind: "default" };

export type Environment = Readonly<Record<string, string | undefined>>;

/** Headers for each attempt of a request. Throws `Failure("denied")` if no token is to be had. */
export function azureSigner(credentials: AzureCredentials, environment: Environment): Sign {
  if (credentials.kind === "shared-key") {
    const { account, key } = credentials;
    return async (request) => {
      const added = { "x-ms-date": new Date().toUTCString(), "x-ms-version": apiVersion };
      const text = sharedKeyText(account, request, { ...request.headers, ...added });
      return { ...added, Authorization: `SharedKey ${account}:${signText(key, text)}` };
    };
  }
  const token = cachedToken(() => fetchToken(credentials, environment));
  return async () => ({
    "x-ms-date": new Date().toUTCString(),
    "x-ms-version": apiVersion,
    Authorization: `Bearer ${await token()}`,
  });
}

export interface SasRequest {
  readonly account: string;
  readonly key: string;
  readonly url: URL;
  readonly container: string;
  readonly blob: string;
  readonly seconds: number;
}

/** An address that gives one blob to whoever has it. */
export function sasUrl({ account, key, url, container, blob, seconds }: SasRequest): string {
  const time = (offset: number) => `${new Date(Date.now() + offset * 1000).toISOString().slice(0, 19)}Z`;
  const [start, expiry] = [time(-60), time(seconds)];
  const protocol = url.protocol === "https:" ? "https" : "https,http";
  const resource = `/blob/${account}/${container}/${blob}`;
  // permissions, times, resource, identifier, addresses, protocol, version, kind, snapshot, scope, five headers
  const fields = [
    "r",
    start,
    expiry,
    resource,
    "",
    "",
    protocol,
    apiVersion,
    "b",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
  ];
  const signed = new URL(url);
  const values = { sv: apiVersion, st: start, se: expiry, sr: "b", sp: "r", spr: protocol };
  for (const [name, value] of Object.entries(values)) signed.searchParams.set(name, value);
  signed.searchParams.set("sig", signText(key, fields.join("\n")));
  return signed.href;
}

function sharedKeyText(
  account: string,
  request: StoreRequest,
  headers: Readonly<Record<string, string>>,
): string {
  const { method, url, body } = request;
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.trim()] as const);
  const known = new Map(lower);
  const length = body === undefined || body.length === 0 ? "" : String(body.length);
  const standard = ["content-md5", "content-type", "date", "if-modified-since", "if-match", "if-none-match"];
  const values = [...standard, "if-unmodified-since", "range"].map((name) => known.get(name) ?? "");
  const own = lower.filter(([name]) => name.startsWith("x-ms-")).sort(([a], [b]) => (a < b ? -1 : 1));
  const query = [...url.searchParams].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    method,
    "",
    "",
    length,
    ...values,
    ...own.map(([name, value]) => `${name}:${value}`),
    `/${account}${url.pathname}`,
    ...query.map(([name, value]) => `${name.toLowerCase()}:${value}`),
  ].join("\n");
}

function signText(key: string, text: string): string {
  return createHmac("sha256", Buffer.from(key, "base64")).update(text, "utf8").digest("base64");
}

const resource = "https://storage.azure.com/";

async function fetchToken(credentials: AzureCredentials, environment: Environment): Promise<BearerToken> {
  const { AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_FEDERATED_TOKEN_FILE } = environment;
  const tenant = credentials.kind === "client-secret" ? credentials.tenant : AZURE_TENANT_ID;
  const client = credentials.kind === "client-secret" ? credentials.client : AZURE_CLIENT_ID;
  const secret = credentials.kind === "client-secret" ? credentials.secret : AZURE_CLIENT_SECRET;
  if (tenant && client && (secret || AZURE_FEDERATED_TOKEN_FILE)) {
    const proof = secret
      ? { client_secret: secret }
      : {
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
          client_assertion: (await readFile(AZURE_FEDERATED_TOKEN_FILE as string, "utf8")).trim(),
        };
    const form = {
      grant_type: "client_credentials",
      client_id: client,
      scope: `${resource}.default`,
      ...proof,
    };
    const authority = environment["AZURE_AUTHORITY_HOST"] ?? "https://login.microsoftonline.com/";
    const url = new URL(`${encodeURIComponent(tenant)}/oauth2/v2.0/token`, authority);
    return ask(url, { method: "POST", body: new URLSearchParams(form) });
  }
  // The machine's own identity.
  const base = environment["AZURE_POD_IDENTITY_AUTHORITY_HOST"] ?? "http://169.254.169.254";
  const url = new URL("/metadata/identity/oauth2/token", base);
  url.search = new URLSearchParams({
    "api-version": "2018-02-01",
    resource,
    ...(client ? { client_id: client } : {}),
  }).toString();
  return ask(url, { headers: { Metadata: "true" } });
}

async function ask(url: URL, init: RequestInit): Promise<BearerToken> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) }).catch(
    (cause: unknown) => {
      throw new Failure("denied", `no token for azure is to be had from ${url.origin}`, { cause });
    },
  );
  if (!response.ok) {
    await response.body?.cancel();
    throw new Failure("denied", `no token for azure is to be had from ${url.origin}: ${response.status}`);
  }
  const { access_token: token, expires_in: lives } = (await response.json()) as Record<string, string>;
  return { token: String(token), lives: Number(lives) || 300 };
}
