/** Credentials for registries that a client's session holds (moby/buildkit, session/auth). */
import type { Credentials } from "../../engine/index.ts";
import { message, text } from "../../rpc/index.ts";
import { unlessAbsent, type Session } from "../session/index.ts";

const method = "/moby.filesync.v1.Auth/Credentials";

const CredentialsRequest = message({ host: text(1) });
const CredentialsResponse = message({ username: text(1), secret: text(2) });

/**
 * Looks the credentials of a registry up, once for each. Tokens are fetched here: the client's own `FetchToken` is a way to
 * keep a password from the builder, of which this one is the user's own.
 * @returns registry host (`docker.io`, `host:port`) to credentials; undefined: anonymous
 */
export function sessionCredentials(
  session: Session,
  signal: AbortSignal,
): (domain: string) => Promise<Credentials | undefined> {
  const known = new Map<string, Promise<Credentials | undefined>>();
  return (domain) => {
    const asked = known.get(domain) ?? ask(session, domain, signal);
    known.set(domain, asked);
    return asked;
  };
}

async function ask(session: Session, domain: string, signal: AbortSignal): Promise<Credentials | undefined> {
  if (!session.supports(method)) return undefined;
  // What BuildKit calls the Hub, and its clients therefore know.
  const host = domain === "docker.io" ? "registry-1.docker.io" : domain;
  const asked = session.client.call(method, CredentialsRequest, CredentialsResponse, { host }, { signal });
  const { username = "", secret = "" } = (await unlessAbsent(asked)) ?? {};
  if (secret === "") return undefined;
  return username === ""
    ? { kind: "identity", token: secret }
    : { kind: "password", username, password: secret };
}
