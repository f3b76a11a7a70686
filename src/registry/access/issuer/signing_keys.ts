/**
 * The keys that our own tokens are signed with: a PEM file of private keys, of which the first signs and all verify. So
 * several instances share one file, and a new key is put on top of the old one until the last old token has run out.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  type KeyObject,
} from "node:crypto";
import { link, open, rm } from "node:fs/promises";
import { Failure } from "../../../errors.ts";
import { ReloadedFile, type ReloadedFileOptions } from "../reloaded_file.ts";
import type { JwtHeader } from "../tokens/jwt.ts";
import { jwkThumbprint } from "../tokens/key_ids.ts";
import type { KeySource } from "../tokens/key_source.ts";
import { algorithmOf, suitsAlgorithm } from "../tokens/signature_algorithm.ts";

export type SigningAlgorithm = "RS256" | "ES256" | "EdDSA";

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly key: KeyObject;
  readonly publicKey: KeyObject;
}

type SigningKeyring = readonly [SigningKey, ...SigningKey[]];

export interface SigningKeysOptions extends ReloadedFileOptions {
  /** Made, 0600, when it is missing. Undefined: a key that lives as long as this process. */
  readonly path?: string | undefined;
  /** Of a key that is made. */
  readonly algorithm: SigningAlgorithm;
}

export class SigningKeys implements KeySource {
  readonly #keys: () => Promise<SigningKeyring>;

  private constructor(keys: () => Promise<SigningKeyring>) {
    this.#keys = keys;
  }

  /** @throws Failure for a file that can neither be read nor made, or holds no usable key */
  static async open({ path, algorithm, onProblem }: SigningKeysOptions): Promise<SigningKeys> {
    if (path === undefined) {
      const ring = parseKeys(Buffer.from(generateKey(algorithm)));
      return new SigningKeys(() => Promise.resolve(ring));
    }
    await makeKeyFile(path, algorithm);
    const file = new ReloadedFile(path, parseKeys, { onProblem });
    await file.get();
    return new SigningKeys(() => file.get());
  }

  /** The key that signs. */
  async signer(): Promise<SigningKey> {
    return (await this.#keys())[0];
  }

  async keyOf({ kid, alg }: JwtHeader): Promise<KeyObject> {
    const found = (await this.#keys()).find((each) => each.kid === kid);
    if (found === undefined || !suitsAlgorithm(found.publicKey, alg))
      throw new Failure("unauthorized", "the token is not signed with one of our keys");
    return found.publicKey;
  }

  /** The public halves, as a JSON Web Key Set. */
  async publicSet(): Promise<{ readonly keys: readonly object[] }> {
    const keys = (await this.#keys()).map(({ kid, alg, publicKey }) => ({
      ...publicKey.export({ format: "jwk" }),
      kid,
      alg,
      use: "sig",
    }));
    return { keys };
  }
}

function generateKey(algorithm: SigningAlgorithm): string {
  switch (algorithm) {
    case "RS256":
      return pem(generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey);
    case "ES256":
      return pem(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
    case "EdDSA":
      return pem(generateKeyPairSync("ed25519").privateKey);
  }
}

function pem(key: KeyObject): string {
  return key.export({ format: "pem", type: "pkcs8" }) as string;
}

/** Of several instances that start at once the first one's key is everybody's: a link does not replace. */
async function makeKeyFile(path: string, algorithm: SigningAlgorithm): Promise<void> {
  try {
    await (await open(path, "r")).close();
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") return;
  }
  const beside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await using file = await open(beside, "wx", 0o600);
    await file.writeFile(generateKey(algorithm));
    await file.sync();
    await link(beside, path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "EEXIST")
      throw new Failure("denied", `cannot make the key file ${path}: ${code}`, { cause });
  } finally {
    await rm(beside, { force: true });
  }
}

function parseKeys(bytes: Buffer): SigningKeyring {
  const blocks = bytes
    .toString("latin1")
    .match(/-----BEGIN ([A-Z ]*)PRIVATE KEY-----[^-]*-----END \1PRIVATE KEY-----/g);
  const [first, ...rest] = (blocks ?? []).map(signingKeyOf);
  if (first === undefined) throw new Failure("invalid", "it holds no private key in PEM");
  return [first, ...rest];
}

function signingKeyOf(block: string, index: number): SigningKey {
  const key = readKey(block, index);
  const publicKey = createPublicKey(key);
  const alg = algorithmOf(publicKey);
  if (alg !== undefined) return { kid: jwkThumbprint(publicKey), alg, key, publicKey };
  throw new Failure(
    "invalid",
    `key ${index + 1} is of a kind that no token is signed with (${key.asymmetricKeyType})`,
    {
      hint: "use RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519",
    },
  );
}

function readKey(block: string, index: number): KeyObject {
  try {
    return createPrivateKey(block);
  } catch {
    // OpenSSL's own error is left out: it may quote the file.
    throw new Failure("invalid", `key ${index + 1} cannot be read`);
  }
}
