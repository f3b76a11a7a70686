/** The thread that does the slow work of `BcryptThread`. */
import { parentPort } from "node:worker_threads";
import { bcryptMatches } from "./bcrypt.ts";
import type { FromBcrypt, ToBcrypt } from "./bcrypt_thread.ts";

parentPort?.on("message", ({ id, password, hash }: ToBcrypt) => {
  const { cost, salt, digest } = hash;
  const matches = bcryptMatches(password, { cost, salt: Buffer.from(salt), digest: Buffer.from(digest) });
  const answer: FromBcrypt = { id, matches };
  parentPort?.postMessage(answer, []);
});
