/**
 * Who we are to Google: a service account's key, a user's refresh token (gcloud), or the machine's account.
 * Sources: "Using OAuth 2.0 for Server to Server Applications" (JWT bearer, RFC 7523), "Application Default Credentials",
 * "About VM metadata".
 */
import { sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../../errors.ts";
import { cachedToken, type BearerToken } from "../objects/bearer_token.ts";

export interface GoogleKey {
  readonly type?: string;
  readonly client_email?: string;
  readonly private_key?: string;
  readonly private_key_id?: string;
  readonly token_uri?: string;
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly refresh_token?: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface GoogleIdentity {
  readonly token: () => Promise<string>;
  /** With it addresses can be signed. */
  readonly signer: () => Promise<{ readonly email: string; readonly privateKey: string } | undefined>;
}

const scope = "https://www.googleapis.com/auth/devstorage.read_write";

/** @param configured from the configuration; else it is looked for where Google's libraries do */
export function googleIdentity(
  configured: (() => Promise<GoogleKey>) | undefined,
  environment: Environment,
): GoogleIdentity {
  let known: Promise<GoogleKey | undefined> | undefined;
  const key = () => (known ??= configured?.() ?? defaultKey(environment));
  return {
    token: cachedToken(async () => {
      const found = await key();
      return found === undefined ? fromMachine(environment) : fromKey(found);
    }),
    signer: async () => {
      const { client_email: email, private_key: privateKey } = (await key()) ?? {};
      return email === undefined || privateKey === undefined ? undefined : { email, privateKey };
    },
  };
}

/** Throws `Failure("invalid")` for a file that is no key. */
export async function readKey(path: string): Promise<GoogleKey> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as GoogleKey;
  } catch (cause) {
    throw new Failure(
      "invalid",
      `cannot read the key of a service account in ${path}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

async function defaultKey(environment: Environment): Promise<GoogleKey | undefined> {
  const named = environment["GOOGLE_APPLICATION_CREDENTIALS"];
  if (named) return readKey(named);
  const path = join(
    environment["HOME"] ?? homedir(),
    ".config",
    "gcloud",
    "application_default_credentials.json",
  );
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as GoogleKey);
}

async function fromKey(key: GoogleKey): Promise<BearerToken> {
  const url = key.token_uri ?? "https://oauth2.googleapis.com/token";
  if (key.refresh_token !== undefined) {
    const { client_id = "", client_secret = "", refresh_token } = key;
    return ask(url, { grant_type: "refresh_token", client_id, client_secret, refresh_token });
  }
  const { client_email: email, private_key: privateKey } = key;
  if (email === undefined || privateKey === undefined) {
    throw new Failure("invalid", `credentials of type ${key.type ?? "unknown"} are not supported for gcs`);
  }
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "RS256", typ: "JWT", kid: key.private_key_id };
  const claims = { iss: email, scope, aud: url, iat: now, exp: now + 3600 };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature = sign("sha256", Buffer.from(text), privateKey).toString("base64url");
  return ask(url, {
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: `${text}.${signature}`,
  });
}

async function fromMachine(environment: Environment): Promise<BearerToken> {
  const host = environment["GCE_METADATA_HOST"] ?? "metadata.google.internal";
  const url = `http://${host}/computeMetadata/v1/instance/service-accounts/default/token`;
  return ask(url, undefined);
}

async function ask(url: string, form: Readonly<Record<string, string>> | undefined): Promise<BearerToken> {
  const init: RequestInit =
    form === undefined
      ? { headers: { "Metadata-Flavor": "Google" } }
      : { method: "POST", body: new URLSearchParams(form) };
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) }).catch(
    (cause: unknown) => {
      throw new Failure("denied", `no token for gcs is to be had from ${url}`, {
        cause,
        hint: "Set storage.gcs.keyfile, or GOOGLE_APPLICATION_CREDENTIALS, or run on Google's machines.",
      });
    },
  );
  const answer = (await response.json().catch(() => ({}))) as Record<string, string>;
  if (!response.ok || answer["access_token"] === undefined) {
    throw new Failure(
      "denied",
      `no token for gcs is to be had from ${url}: ${response.status} ${answer["error"] ?? ""}`.trim(),
    );
  }
  return { token: answer["access_token"], lives: Number(answer["expires_in"]) || 300 };
}
