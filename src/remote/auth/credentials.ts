/** What proves who we are to a registry. */
import { digestOf } from "../../oci/index.ts";

export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** A refresh token that a token server gave at login (`identitytoken`). */
  | { readonly kind: "identity"; readonly token: string; readonly username?: string }
  /** A bearer token for the registry itself (`registrytoken`). */
  | { readonly kind: "registry"; readonly token: string };

/** Finds the credentials of a registry host; undefined: anonymous. */
export type CredentialLookup = (domain: string) => Promise<Credentials | undefined>;

/** The name under which Docker keeps the credentials of a registry: the Hub has an old URL, others their host. */
export function credentialKey(domain: string): string {
  return domain === "docker.io" ? "https://index.docker.io/v1/" : domain;
}

/** The user name, where there is one. */
export function userOf(credentials: Credentials | undefined): string | undefined {
  return credentials === undefined || credentials.kind === "registry" ? undefined : credentials.username;
}

export function basicAuthorization(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

/**
 * The key with which Docker signs "this layer was pushed to that repository" (behaviours B144): the text
 * `sha256:<hex>` over the JSON of the credentials used, `{}` for none (moby, ComputeV2MetadataHMACKey).
 */
export function metadataHmacKey(domain: string, credentials: Credentials | undefined): string {
  const serveraddress = credentialKey(domain);
  switch (credentials?.kind) {
    case undefined:
      return digestOf("{}");
    case "password": {
      const { username, password } = credentials;
      return digestOf(JSON.stringify({ username, password, serveraddress }));
    }
    case "identity": {
      const { username, token: identitytoken } = credentials;
      return digestOf(JSON.stringify({ username, serveraddress, identitytoken }));
    }
    case "registry":
      return digestOf(JSON.stringify({ serveraddress, registrytoken: credentials.token }));
  }
}
