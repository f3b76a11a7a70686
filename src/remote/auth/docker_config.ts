/**
 * Docker's `config.json`: where `docker login` keeps credentials (docker/cli, cli/config/configfile). Every other
 * field of the file is somebody else's and survives.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, realpath, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { Failure } from "../../errors.ts";
import type { Environment } from "../http/proxy.ts";
import { CredentialHelper } from "./credential_helper.ts";
import { credentialKey, type Credentials } from "./credentials.ts";

type Json = Record<string, unknown>;

/** `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. */
export function defaultDockerConfigPath(environment: Environment): string {
  return join(environment["DOCKER_CONFIG"] || join(homedir(), ".docker"), "config.json");
}

export class DockerConfig {
  readonly path: string;
  readonly #environment: Environment;

  constructor(path: string, environment: Environment) {
    this.path = path;
    this.#environment = environment;
  }

  /** The credentials of a registry: its helper's, else what stands in the file. */
  async find(domain: string, signal: AbortSignal): Promise<Credentials | undefined> {
    const config = await this.#read();
    const helper = this.#helperOf(config, domain);
    if (helper !== undefined) return helper.get(credentialKey(domain), signal);
    const entry = entryOf(record(config["auths"]), domain);
    return entry === undefined ? undefined : decodeEntry(entry, this.path, domain);
  }

  /**
   * Keeps credentials as `docker login` does: with the helper if one is configured, else in the file (0600).
   * Resolves to where they went: the helper's case is `"helper"`.
   */
  async save(domain: string, credentials: Credentials, signal: AbortSignal): Promise<"helper" | "file"> {
    const config = await this.#read();
    const key = credentialKey(domain);
    const helper = this.#helperOf(config, domain);
    await helper?.store(key, credentials, signal);
    // With a helper, Docker leaves an empty entry, so that `docker info` and `logout` know the server.
    const entry = helper === undefined ? encodeEntry(credentials) : {};
    await this.#write({ ...config, auths: { ...record(config["auths"]), [key]: entry } });
    return helper === undefined ? "file" : "helper";
  }

  /** Forgets a registry's credentials; resolves to whether there were any in the file. */
  async remove(domain: string, signal: AbortSignal): Promise<boolean> {
    const config = await this.#read();
    await this.#helperOf(config, domain)?.erase(credentialKey(domain), signal);
    const auths = Object.entries(record(config["auths"]));
    const kept = auths.filter(([key]) => !names(key, domain));
    if (kept.length === auths.length) return false;
    await this.#write({ ...config, auths: Object.fromEntries(kept) });
    return true;
  }

  #helperOf(config: Json, domain: string): CredentialHelper | undefined {
    const perHost = record(config["credHelpers"]);
    const name = perHost[credentialKey(domain)] ?? perHost[domain] ?? config["credsStore"];
    return typeof name === "string" && name !== ""
      ? new CredentialHelper(name, this.#environment)
      : undefined;
  }

  async #read(): Promise<Json> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return {};
      throw error;
    }
    if (text.trim() === "") return {};
    try {
      return record(JSON.parse(text));
    } catch {
      // The parser's own message quotes the text, which holds secrets.
      throw new Failure("invalid", `read ${this.path}: not valid JSON`);
    }
  }

  /** Docker indents with tabs and ends without line feed. A symbolic link stays one. */
  async #write(config: Json): Promise<void> {
    await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
    const target = await realpath(this.path).catch(() => this.path);
    const temporary = `${target}.${randomUUID()}`;
    try {
      await using file = await open(temporary, "wx", 0o600);
      await file.writeFile(JSON.stringify(config, null, "\t"));
      await file.sync();
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  }
}

/** The exact key first, then any spelling of the same host (`https://host/v2/`). */
function entryOf(auths: Json, domain: string): Json | undefined {
  const key = credentialKey(domain);
  const found = auths[key] ?? Object.entries(auths).find(([name]) => names(name, domain))?.[1];
  return found === undefined ? undefined : record(found);
}

function names(key: string, domain: string): boolean {
  if (key === credentialKey(domain)) return true;
  const host = key.replace(/^https?:\/\//, "").split("/")[0];
  return host === domain || (domain === "docker.io" && host === "index.docker.io");
}

function decodeEntry(entry: Json, path: string, domain: string): Credentials | undefined {
  const [username, password] = decodeAuth(entry, path, domain);
  const { identitytoken, registrytoken } = entry;
  if (typeof registrytoken === "string" && registrytoken !== "")
    return { kind: "registry", token: registrytoken };
  if (typeof identitytoken === "string" && identitytoken !== "") {
    return { kind: "identity", token: identitytoken, ...(username === "" ? {} : { username }) };
  }
  return username === "" ? undefined : { kind: "password", username, password };
}

/** `auth` is base64 of `user:password`; older files have the two apart. */
function decodeAuth(entry: Json, path: string, domain: string): [string, string] {
  const { auth, username, password } = entry;
  if (typeof auth !== "string" || auth === "") return [text(username), text(password)];
  const decoded = Buffer.from(auth, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (colon < 0)
    throw new Failure("invalid", `read ${path}: invalid auth configuration file: auth of ${domain}`);
  return [decoded.slice(0, colon), decoded.slice(colon + 1).replace(/\0+$/, "")];
}

function encodeEntry(credentials: Credentials): Json {
  const encode = (pair: string) => Buffer.from(pair, "utf8").toString("base64");
  switch (credentials.kind) {
    case "password":
      return { auth: encode(`${credentials.username}:${credentials.password}`) };
    case "identity": {
      const auth = credentials.username === undefined ? {} : { auth: encode(`${credentials.username}:`) };
      return { ...auth, identitytoken: credentials.token };
    }
    case "registry":
      return { registrytoken: credentials.token };
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function record(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
