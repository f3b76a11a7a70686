/** A file of the operator's that may change while we run. */
import { readFile, stat } from "node:fs/promises";
import { Failure, isFailure } from "../../errors.ts";

export interface ReloadedFileOptions {
  /** Told when a changed file is unusable, so that what was read before stays in force. */
  readonly onProblem?: ((failure: Failure) => void) | undefined;
}

/** Looks at the file's times at each use and reads it anew when they differ. */
export class ReloadedFile<Value> {
  readonly #path: string;
  readonly #parse: (bytes: Buffer) => Value;
  readonly #options: ReloadedFileOptions;
  #stamp = "";
  #value: { readonly value: Value } | undefined;
  #loading: Promise<void> | undefined;

  /** @param parse may throw `Failure` */
  constructor(path: string, parse: (bytes: Buffer) => Value, options: ReloadedFileOptions = {}) {
    this.#path = path;
    this.#parse = parse;
    this.#options = options;
  }

  /**
   * What the file holds now.
   * @throws Failure "not-found" or "denied" for a file that cannot be read, also if it could be before: whoever removes a
   * file of users means it. What `parse` threw, if nothing was read yet.
   */
  async get(): Promise<Value> {
    await (this.#loading ??= this.#load().finally(() => (this.#loading = undefined)));
    return this.#value!.value;
  }

  async #load(): Promise<void> {
    try {
      const { mtimeNs, ctimeNs, size, ino } = await stat(this.#path, { bigint: true });
      const stamp = [mtimeNs, ctimeNs, size, ino].join(" ");
      if (stamp === this.#stamp) return;
      const bytes = await readFile(this.#path);
      this.#accept(bytes);
      this.#stamp = stamp;
    } catch (error) {
      if (isFailure(error)) throw error;
      throw unreadable(this.#path, error);
    }
  }

  #accept(bytes: Buffer): void {
    try {
      this.#value = { value: this.#parse(bytes) };
    } catch (error) {
      const failure = isFailure(error) ? error : new Failure("invalid", String(error), { cause: error });
      const named = new Failure(failure.kind, `${this.#path}: ${failure.message}`, { cause: error });
      if (this.#value === undefined) throw named;
      this.#options.onProblem?.(named);
    }
  }
}

function unreadable(path: string, cause: unknown): Failure {
  const { code } = cause as NodeJS.ErrnoException;
  const kind = code === "ENOENT" ? "not-found" : code === "EACCES" ? "denied" : "unavailable";
  return new Failure(kind, `cannot read ${path}: ${code ?? String(cause)}`, { cause });
}
