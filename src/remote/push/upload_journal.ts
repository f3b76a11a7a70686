/**
 * Where unfinished uploads can go on: one small file for each, so that a push continues after Ctrl-C, a crash or a
 * reboot (behaviours B129). A lost or damaged note only costs sending the blob again.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "../../oci/index.ts";

export class UploadJournal {
  readonly #directory: string | undefined;

  /** @param directory made when needed; undefined: nothing is kept. */
  constructor(directory: string | undefined) {
    this.#directory = directory;
  }

  /** The journal's page for one blob on its way to one repository (`https://host/v2/name`). */
  page(repository: string, digest: Digest): JournalPage {
    const name = createHash("sha256").update(`${repository} ${digest}`).digest("hex");
    return new JournalPage(this.#directory, name, { repository, digest });
  }
}

export class JournalPage {
  readonly #directory: string | undefined;
  readonly #path: string;
  readonly #about: { readonly repository: string; readonly digest: Digest };

  constructor(directory: string | undefined, name: string, about: { repository: string; digest: Digest }) {
    this.#directory = directory;
    this.#path = join(directory ?? "", `${name}.json`);
    this.#about = about;
  }

  /** The `Location` of the session that was noted last. */
  async read(): Promise<string | undefined> {
    if (this.#directory === undefined) return undefined;
    try {
      const note = JSON.parse(await readFile(this.#path, "utf8")) as { location?: unknown };
      return typeof note.location === "string" ? note.location : undefined;
    } catch {
      return undefined;
    }
  }

  /** A Location may hold a signed permission, so only the owner may read it. */
  async write(location: string): Promise<void> {
    if (this.#directory === undefined) return;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const temporary = `${this.#path}.${randomUUID()}`;
    await writeFile(temporary, JSON.stringify({ ...this.#about, location }), { mode: 0o600 });
    await rename(temporary, this.#path);
  }

  async remove(): Promise<void> {
    if (this.#directory !== undefined) await rm(this.#path, { force: true });
  }
}
