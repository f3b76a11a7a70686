/** From a file, the environment and flags to what the server is told. */
import { readFile } from "node:fs/promises";
import { Failure, isFailure } from "../../../errors.ts";
import { parseYaml, type ConfigSource } from "./config_source.ts";
import { withEnvironment, type Environment } from "./environment.ts";
import type { KeyPath, Problems } from "./field.ts";
import { checkMaintenance } from "./maintenance_keys.ts";
import { checkSignatures } from "./policy_keys.ts";
import { checkProxy } from "./proxy_keys.ts";
import { checkGuards } from "./quota_keys.ts";
import { schema, storageExtras, type ConfigValues, type StorageExtras } from "./schema.ts";

export interface ServerConfig extends Omit<ConfigValues, "storage" | "version"> {
  readonly storage: {
    readonly driver: string;
    readonly parameters: Readonly<Record<string, unknown>>;
  } & Omit<StorageExtras, "cache" | "tag">;
  /** What is taken and changes nothing, for the log. */
  readonly warnings: readonly string[];
  /** Runs `act`; a failure that names a key of the configuration gets its place in front. */
  located<T>(act: () => Promise<T>): Promise<T>;
}

export interface ReadConfigOptions {
  /** The file; without one, all is as `overrides` and the environment say. */
  readonly file?: string | undefined;
  readonly environment: Environment;
  /** Values of flags, before all else: `{http: {addr: ":5000"}}`. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

/**
 * @throws Failure "invalid" that lists all that is wrong, each with `file:line` and key, the others as its hint; "not-found" or "denied" for a file
 * that cannot be read
 */
export async function readConfig(options: ReadConfigOptions): Promise<ServerConfig> {
  const warnings: string[] = [];
  const source = await sourceOf(options, (message) => void warnings.push(message));
  const found = new FoundProblems(source, warnings);
  const { storage, version: _, ...rest } = schema.read(source.value, [], found);
  const config = { ...rest, storage: readStorage(storage, found) };
  checkTogether(config, found);
  found.end();
  return { ...config, warnings, located: (act) => located(source, act) };
}

async function sourceOf(options: ReadConfigOptions, warn: (message: string) => void): Promise<ConfigSource> {
  const { file, environment, overrides = {} } = options;
  const source = file === undefined ? nothing : await parseYaml(file, await readText(file));
  const { value, where } = await withEnvironment(source, schema, environment, warn);
  return { value: merged(value, overrides), where };
}

const nothing: ConfigSource = { value: {}, where: () => "configuration" };

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Failure(code === "ENOENT" ? "not-found" : "denied", `cannot read ${file}: ${code}`, { cause });
  }
}

/** Maps key by key; of `storage`, whose one key is the driver, the flag's takes the place of the file's. */
function merged(value: unknown, over: Readonly<Record<string, unknown>>): unknown {
  if (Object.keys(over).length === 0) return value;
  if (!isMap(value)) return over;
  const fresh = Object.entries(over).map(([key, each]) => [
    key,
    isMap(each) ? merged(value[key], each) : each,
  ]);
  return { ...value, ...Object.fromEntries(fresh) };
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const extraKeys = ["cache", "delete", "redirect", "maintenance", "tag"];

function readStorage(value: unknown, problems: Problems): ServerConfig["storage"] {
  const given = typeof value === "string" ? { [value]: {} } : isMap(value) ? value : {};
  const drivers = Object.keys(given).filter((key) => !extraKeys.includes(key));
  const [driver = "filesystem"] = drivers;
  if (drivers.length !== 1) {
    const found = drivers.length === 0 ? "none" : drivers.join(" and ");
    problems.wrong(["storage"], `expected exactly one storage driver, found ${found}`);
  }
  const parameters = given[driver] ?? {};
  if (!isMap(parameters)) problems.wrong(["storage", driver], "expected a map of the driver's parameters");
  const extras = Object.fromEntries(Object.entries(given).filter(([key]) => extraKeys.includes(key)));
  const { cache: _, tag: __, ...read } = storageExtras.read(extras, ["storage"], problems);
  return { ...read, driver, parameters: isMap(parameters) ? parameters : {} };
}

/** What a single key cannot know. */
function checkTogether(config: Omit<ServerConfig, "warnings" | "located">, problems: Problems): void {
  const { http, notifications, audit, traces, health, proxy } = config;
  const { tls } = http;
  if (tls?.letsencrypt?.cachefile !== undefined)
    problems.wrong(
      ["http", "tls", "letsencrypt"],
      "certificates are not fetched: use certificate and key, which are read again when they change",
    );
  if (tls !== undefined && (tls.certificate === undefined) !== (tls.key === undefined))
    problems.wrong(["http", "tls"], "certificate and key go together");
  if (tls !== undefined && tls.certificate === undefined && tls.clientcas.length > 0)
    problems.wrong(
      ["http", "tls", "clientcas"],
      "clients cannot show certificates without TLS: certificate and key are missing",
    );
  if (notifications.events.includereferences)
    problems.idle(
      ["notifications", "events", "includereferences"],
      "events do not list what a manifest refers to",
    );
  for (const [index, { url, disabled }] of notifications.endpoints.entries()) {
    if (url === undefined && !disabled)
      problems.wrong(["notifications", "endpoints", index, "url"], "is missing");
  }
  for (const [index, { uri }] of health.http.entries()) {
    if (uri === undefined) problems.wrong(["health", "http", index, "uri"], "is missing");
  }
  for (const [index, { file }] of health.file.entries()) {
    if (file === undefined) problems.wrong(["health", "file", index, "file"], "is missing");
  }
  checkProxy(proxy, { http, isReadOnly: config.storage.maintenance.readonly.enabled }, problems);
  if (audit !== undefined && audit.path === undefined) problems.wrong(["audit", "path"], "is missing");
  if (traces !== undefined && traces.endpoint === undefined)
    problems.wrong(["traces", "endpoint"], "is missing");
  checkMaintenance(config, problems);
  checkGuards(config, problems);
  checkSignatures(config.policy.signatures, isOpen(config.auth), problems);
}

/** As `composeAccess` has it. */
function isOpen(auth: unknown): boolean {
  return (
    auth === undefined ||
    auth === "none" ||
    (isMap(auth) && ("none" in auth || Object.keys(auth).length === 0))
  );
}

class FoundProblems implements Problems {
  readonly #source: ConfigSource;
  readonly #warnings: string[];
  readonly #wrong: string[] = [];

  constructor(source: ConfigSource, warnings: string[]) {
    this.#source = source;
    this.#warnings = warnings;
  }

  wrong(path: KeyPath, message: string): void {
    this.#wrong.push(this.#at(path, message));
  }

  idle(path: KeyPath, message: string): void {
    this.#warnings.push(this.#at(path, message));
  }

  end(): void {
    const [first, ...others] = this.#wrong;
    if (first === undefined) return;
    throw new Failure("invalid", first, others.length === 0 ? {} : { hint: others.join("\n") });
  }

  #at(path: KeyPath, message: string): string {
    return `${this.#source.where(path)}: ${path.length === 0 ? "" : `${path.join(".")}: `}${message}`;
  }
}

async function located<T>(source: ConfigSource, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const key = isFailure(error)
      ? /^((?:auth|storage|http|policy|proxy)(?:[.[][\w-]+\]?)*)/.exec(error.message)?.[1]
      : undefined;
    if (key === undefined || !isFailure(error)) throw error;
    const path = key.split(/[.[]/).map((part) => (/^\d+\]$/.test(part) ? Number.parseInt(part) : part));
    throw new Failure(error.kind, `${source.where(path)}: ${error.message}`, {
      cause: error.cause,
      ...(error.hint !== undefined && { hint: error.hint }),
    });
  }
}
