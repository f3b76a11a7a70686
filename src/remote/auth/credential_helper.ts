/**
 * Credential helpers: programs `docker-credential-<name>` that keep secrets in a keychain
 * (docker/docker-credential-helpers: JSON on standard input and output, one verb as argument).
 */
import { spawn } from "node:child_process";
import { Failure } from "../../errors.ts";
import type { Environment } from "../http/proxy.ts";
import type { Credentials } from "./credentials.ts";

const notFound = "credentials not found in native keychain";
const outputLimit = 1 << 20;

export class CredentialHelper {
  readonly #name: string;
  readonly #environment: Environment;

  /** @param name what follows `docker-credential-`: `pass`, `osxkeychain`, `ecr-login`. */
  constructor(name: string, environment: Environment) {
    // The name comes from a file; as a path it would name any program.
    if (!/^[A-Za-z0-9._-]+$/.test(name)) {
      throw new Failure("invalid", `invalid credential helper name ${JSON.stringify(name)}`);
    }
    this.#name = `docker-credential-${name}`;
    this.#environment = environment;
  }

  /** The credentials that the helper has for a server, undefined if none. Throws `Failure("unavailable")`. */
  async get(server: string, signal: AbortSignal): Promise<Credentials | undefined> {
    const { code, output } = await this.#run("get", server, signal);
    if (code !== 0) {
      if (output.trim() === notFound) return undefined;
      throw this.#failure("get", output);
    }
    const found = this.#parse(output);
    const { Username: username = "", Secret: secret = "" } = found;
    if (username === "" && secret === "") return undefined;
    if (username === "<token>") return { kind: "identity", token: secret };
    return { kind: "password", username, password: secret };
  }

  async store(server: string, credentials: Credentials, signal: AbortSignal): Promise<void> {
    const [username, secret] =
      credentials.kind === "password"
        ? [credentials.username, credentials.password]
        : ["<token>", credentials.token];
    const input = JSON.stringify({ ServerURL: server, Username: username, Secret: secret });
    const { code, output } = await this.#run("store", input, signal);
    if (code !== 0) throw this.#failure("store", output);
  }

  /** Forgets a server; one that is not known is no error. */
  async erase(server: string, signal: AbortSignal): Promise<void> {
    const { code, output } = await this.#run("erase", server, signal);
    if (code !== 0 && output.trim() !== notFound) throw this.#failure("erase", output);
  }

  #parse(output: string): { Username?: string; Secret?: string } {
    try {
      const value: unknown = JSON.parse(output);
      const { Username, Secret } = value as Record<string, unknown>;
      if (typeof Username === "string" && typeof Secret === "string") return { Username, Secret };
    } catch {
      // Reported below; the output may hold the secret, so it is not shown.
    }
    throw new Failure("unavailable", `${this.#name} get: answered something other than credentials`);
  }

  /** What a failing helper prints on standard output is its message, not a secret. */
  #failure(verb: string, output: string): Failure {
    const text = output.trim().slice(0, 500);
    return new Failure(
      "unavailable",
      `error getting credentials - ${this.#name} ${verb}: ${text || "failed"}`,
    );
  }

  #run(verb: string, input: string, signal: AbortSignal): Promise<{ code: number; output: string }> {
    const child = spawn(this.#name, [verb], {
      env: this.#environment as NodeJS.ProcessEnv,
      stdio: ["pipe", "pipe", "ignore"],
      signal,
    });
    return new Promise((resolve, reject) => {
      let output = "";
      child.on("error", (error: NodeJS.ErrnoException) => reject(this.#notStarted(error)));
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        if (output.length < outputLimit) output += text;
      });
      child.on("close", (code) => resolve({ code: code ?? 1, output }));
      // A helper may end before it has read everything; its exit code tells the rest.
      child.stdin.on("error", () => undefined).end(input);
    });
  }

  #notStarted(error: NodeJS.ErrnoException): Failure {
    if (error.name === "AbortError")
      return new Failure("cancelled", `${this.#name}: cancelled`, { cause: error });
    const missing = error.code === "ENOENT";
    const text = missing ? `exec: "${this.#name}": executable file not found in $PATH` : error.message;
    const hint = "Install the helper, or remove it from credsStore and credHelpers of Docker's config.json.";
    return new Failure("unavailable", `error getting credentials - err: ${text}`, { hint, cause: error });
  }
}
