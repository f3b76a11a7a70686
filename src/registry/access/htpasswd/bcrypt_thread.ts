/** bcrypt in a thread of its own: a password costs 5 to 600 ms, in which nobody else must wait. */
import { Worker } from "node:worker_threads";
import { Failure } from "../../../errors.ts";
import { RegistryError } from "../../registry_error.ts";
import type { BcryptHash } from "./bcrypt.ts";

export interface ToBcrypt {
  readonly id: number;
  readonly password: Uint8Array;
  readonly hash: { readonly cost: number; readonly salt: Uint8Array; readonly digest: Uint8Array };
}

export interface FromBcrypt {
  readonly id: number;
  readonly matches: boolean;
}

/** Guesses of an attacker must not pile up: beyond this many waiting checks, clients are asked to come later. */
const mostWaiting = 64;

/** Starts its thread with the first check. It does not keep the process alive while it is idle. */
export class BcryptThread implements AsyncDisposable {
  readonly #waiting = new Map<number, PromiseWithResolvers<boolean>>();
  #worker: Worker | undefined;
  #lastId = 0;

  /**
   * Whether `password` has this hash.
   * @throws RegistryError TOOMANYREQUESTS when too many checks wait; Failure "internal" if the thread dies
   */
  matches(password: string, hash: BcryptHash): Promise<boolean> {
    if (this.#waiting.size >= mostWaiting)
      throw new RegistryError("TOOMANYREQUESTS", [undefined], { "Retry-After": "1" });
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<boolean>();
    this.#waiting.set(id, answer);
    worker.ref();
    const message: ToBcrypt = { id, password: Buffer.from(password), hash };
    worker.postMessage(message, []);
    return answer.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(workerUrl());
    worker.on("message", ({ id, matches }: FromBcrypt) => {
      this.#waiting.get(id)?.resolve(matches);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) worker.unref();
    });
    worker.on("error", (cause) => this.#fail(cause));
    worker.on("exit", (code) => this.#fail(new Error(`exit code ${code}`)));
    return worker;
  }

  #fail(cause: unknown): void {
    this.#worker = undefined;
    const failure = new Failure("internal", "the thread that checks passwords has died", { cause });
    for (const { reject } of this.#waiting.values()) reject(failure);
    this.#waiting.clear();
  }
}

/** The source runs beside it as plain JavaScript under the name that the file has there. */
function workerUrl(): URL {
  const here = import.meta.url;
  return new URL(here.endsWith(".ts") ? "./bcrypt_worker.ts" : "./bcrypt_worker.js", here);
}
