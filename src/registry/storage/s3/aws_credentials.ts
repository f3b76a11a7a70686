/**
 * Where Amazon's credentials come from, in the order of its SDKs: the configuration, the environment, the shared file,
 * a web identity (a pod's service account), the container's, the instance's role. What expires is fetched again.
 */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { Failure } from "../../../errors.ts";
import { parseXml, textOf } from "../objects/xml.ts";

export interface AwsCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken?: string | undefined;
}

interface Lent extends AwsCredentials {
  /** Milliseconds since 1970. */
  readonly expires: number;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface CredentialOptions {
  readonly configured?: AwsCredentials;
  readonly environment: Environment;
  readonly region: string;
}

/** Fetched again so long before they end. */
const margin = 5 * 60_000;
/** The services asked are on the machine or in the data center. */
const patience = 5000;

/** A function that gives credentials of the moment. It throws `Failure("denied")` when there are none to be had. */
export function awsCredentials(options: CredentialOptions): () => Promise<AwsCredentials> {
  const { configured } = options;
  if (configured !== undefined) return async () => configured;
  let known: Promise<AwsCredentials | Lent> | undefined;
  let until = 0;
  return async () => {
    if (known === undefined || Date.now() > until - margin) {
      until = Infinity; // those who come while one fetches wait for the same
      known = find(options);
      known.then(
        (found) => (until = "expires" in found ? found.expires : Infinity),
        () => (known = undefined),
      );
    }
    return known;
  };
}

async function find({ environment, region }: CredentialOptions): Promise<AwsCredentials | Lent> {
  const found =
    fromEnvironment(environment) ??
    (await fromSharedFile(environment)) ??
    (await fromWebIdentity(environment, region)) ??
    (await fromContainer(environment)) ??
    (await fromInstance(environment));
  if (found !== undefined) return found;
  throw new Failure("denied", "there are no credentials for s3", {
    hint: "Set storage.s3.accesskey and secretkey, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run with a role.",
  });
}

function fromEnvironment(environment: Environment): AwsCredentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey } = environment;
  if (!accessKey || !secretKey) return undefined;
  return { accessKey, secretKey, sessionToken: environment["AWS_SESSION_TOKEN"] };
}

async function fromSharedFile(environment: Environment): Promise<AwsCredentials | undefined> {
  const home = environment["HOME"] ?? homedir();
  const path = environment["AWS_SHARED_CREDENTIALS_FILE"] ?? join(home, ".aws", "credentials");
  const text = await readFile(path, "utf8").catch(() => "");
  const wanted = environment["AWS_PROFILE"] ?? "default";
  const values = new Map<string, string>();
  let section = "";
  for (const line of text.split("\n")) {
    const header = /^\s*\[([^\]]+)\]/.exec(line)?.[1];
    if (header !== undefined) section = header.trim();
    const [, name, value] = /^\s*([a-z_]+)\s*=\s*(\S+)/.exec(line) ?? [];
    if (section === wanted && name !== undefined) values.set(name, value as string);
  }
  const [accessKey, secretKey] = [values.get("aws_access_key_id"), values.get("aws_secret_access_key")];
  if (accessKey === undefined || secretKey === undefined) return undefined;
  return { accessKey, secretKey, sessionToken: values.get("aws_session_token") };
}

async function fromWebIdentity(environment: Environment, region: string): Promise<Lent | undefined> {
  const { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: role } = environment;
  if (!file || !role) return undefined;
  const url = new URL(environment["AWS_ENDPOINT_URL_STS"] ?? `https://sts.${region}.amazonaws.com/`);
  url.search = new URLSearchParams({
    Action: "AssumeRoleWithWebIdentity",
    Version: "2011-06-15",
    RoleArn: role,
    RoleSessionName: environment["AWS_ROLE_SESSION_NAME"] ?? "varve",
    WebIdentityToken: (await readFile(file, "utf8")).trim(),
  }).toString();
  const answer = await ask(url, {}, "POST");
  if (answer === undefined) return undefined;
  const at = ["AssumeRoleWithWebIdentityResult", "Credentials"];
  const root = parseXml(answer);
  return lent((name) => textOf(root, ...at, name), "SessionToken");
}

async function fromContainer(environment: Environment): Promise<Lent | undefined> {
  const relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
  const whole = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"];
  if (!relative && !whole) return undefined;
  const file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"];
  const token = file
    ? (await readFile(file, "utf8")).trim()
    : environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"];
  const url = new URL(relative ? `http://169.254.170.2${relative}` : (whole as string));
  return fromJson(await ask(url, token ? { Authorization: token } : {}));
}

/** The instance metadata service, version 2: a token first, so that a forged request cannot read it. */
async function fromInstance(environment: Environment): Promise<Lent | undefined> {
  if (environment["AWS_EC2_METADATA_DISABLED"]?.toLowerCase() === "true") return undefined;
  const base = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? "http://169.254.169.254";
  const ttl = { "X-aws-ec2-metadata-token-ttl-seconds": "21600" };
  const token = await ask(new URL("/latest/api/token", base), ttl, "PUT");
  if (token === undefined) return undefined;
  const headers = { "X-aws-ec2-metadata-token": token };
  const roles = "/latest/meta-data/iam/security-credentials/";
  const role = (await ask(new URL(roles, base), headers))?.split("\n")[0];
  if (!role) return undefined;
  return fromJson(await ask(new URL(roles + role, base), headers));
}

function fromJson(text: string | undefined): Lent | undefined {
  if (text === undefined) return undefined;
  const values = JSON.parse(text) as Readonly<Record<string, string>>;
  return lent((name) => values[name], "Token");
}

function lent(value: (name: string) => string | undefined, token: string): Lent | undefined {
  const [accessKey, secretKey] = [value("AccessKeyId"), value("SecretAccessKey")];
  if (accessKey === undefined || secretKey === undefined) return undefined;
  const expires = Date.parse(value("Expiration") ?? "");
  return { accessKey, secretKey, sessionToken: value(token), expires: expires || Date.now() + 3_600_000 };
}

/** The answer's text; undefined when there is nobody, or nothing for us. */
async function ask(
  url: URL,
  headers: Readonly<Record<string, string>>,
  method = "GET",
): Promise<string | undefined> {
  const response = await fetch(url, { method, headers, signal: AbortSignal.timeout(patience) }).catch(
    () => undefined,
  );
  if (response === undefined) return undefined;
  const text = await response.text();
  return response.ok ? text : undefined;
}
