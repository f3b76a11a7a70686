/**
 * The users of an htpasswd file, as distribution reads it: `user:hash` a line, lines that begin with `#` are comments, and
 * only bcrypt hashes let anybody in.
 */
import { createHmac, randomBytes } from "node:crypto";
import { Failure } from "../../../errors.ts";
import { ReloadedFile, type ReloadedFileOptions } from "../reloaded_file.ts";
import { parseBcrypt, type BcryptHash } from "./bcrypt.ts";
import { BcryptThread } from "./bcrypt_thread.ts";

/** 2^16 rounds take this code some 8 s; a mistyped 31 would take days. */
const highestCost = 16;

/** How many verified pairs are remembered. */
const mostRemembered = 1000;

export class HtpasswdUsers implements AsyncDisposable {
  readonly #file: ReloadedFile<ReadonlyMap<string, string>>;
  readonly #thread = new BcryptThread();
  readonly #key = randomBytes(32);
  /** Keyed digests of name, password and hash; what is still being checked is shared by all who ask. */
  readonly #known = new Map<string, Promise<boolean>>();

  constructor(path: string, options: ReloadedFileOptions = {}) {
    this.#file = new ReloadedFile(path, parseHtpasswd, options);
  }

  /** Whether the password is this user's. Takes as long for a user who does not exist. */
  async check(user: string, password: string): Promise<boolean> {
    const hash = await this.hashOf(user);
    const digest = createHmac("sha256", this.#key)
      .update(JSON.stringify([user, password, hash]))
      .digest("base64");
    const known = this.#known.get(digest) ?? this.#verify(password, hash);
    // Set anew, so that the oldest is the one that was not used for longest.
    this.#known.delete(digest);
    this.#known.set(digest, known);
    if (this.#known.size > mostRemembered) this.#known.delete(this.#known.keys().next().value!);
    const matches = await known.catch((error: unknown) => {
      this.#known.delete(digest);
      throw error;
    });
    // Wrong guesses are not kept: they would push out what is worth keeping.
    if (!matches) this.#known.delete(digest);
    return matches;
  }

  /** The hash as the file has it; undefined: no such user. Reads the file if it changed. */
  async hashOf(user: string): Promise<string | undefined> {
    return (await this.#file.get()).get(user);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }

  async #verify(password: string, text: string | undefined): Promise<boolean> {
    const hash = text === undefined ? undefined : usableHash(text);
    const matches = await this.#thread.matches(password, hash ?? (await this.#decoy()));
    return hash !== undefined && matches;
  }

  /** A hash of nothing, as costly as the file's costliest. */
  async #decoy(): Promise<BcryptHash> {
    const costs = [...(await this.#file.get()).values()].map((text) => usableHash(text)?.cost ?? 0);
    const cost = costs.reduce((most, each) => Math.max(most, each), 4);
    return { cost, salt: Buffer.alloc(16), digest: Buffer.alloc(23) };
  }
}

function usableHash(text: string): BcryptHash | undefined {
  const hash = parseBcrypt(text);
  return hash !== undefined && hash.cost <= highestCost ? hash : undefined;
}

function parseHtpasswd(bytes: Buffer): Map<string, string> {
  const users = new Map<string, string>();
  for (const [index, raw] of bytes.toString("utf8").split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    // The line may hold a password that somebody forgot to hash: it is not shown.
    if (colon < 0) throw new Failure("invalid", `line ${index + 1} has no colon between user and hash`);
    users.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return users;
}
