/** Digests of the files of contexts, so that a build reads only what was changed since the one before. */
import { createHash } from "node:crypto";
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  KeptContents,
  openContentMemory,
  type ClientMemory,
  type ContentMemory,
} from "../../../build/index.ts";
import { buildCacheFolder, isDiskFull, type Session, type Store } from "../../../store/index.ts";
import { keptBytes, keptFolder, trimKept, withKept } from "./kept_contexts.ts";

/** Memories of so many directories are kept, those that were used last. */
const kept = 50;

/** What is known of the contexts of one build. */
export class ContextMemories {
  readonly #store: Store;
  readonly #session: Session;
  readonly #local: ContentMemory[] = [];
  readonly #clients = new Map<string, ClientMemory>();

  constructor(store: Store, session: Session) {
    this.#store = store;
    this.#session = session;
  }

  /** @param path a real one */
  ofDirectory(path: string): ContentMemory {
    const memory = this.#open(idOf(path));
    this.#local.push(memory);
    return memory;
  }

  /** @param name what no path is like */
  ofClient(name: string): ClientMemory {
    const id = idOf(name);
    let memory = this.#clients.get(id);
    if (memory === undefined) {
      const contents = new KeptContents(keptFolder(this.#store.root, id), this.#session.directory);
      memory = { digests: this.#open(id), contents };
      this.#clients.set(id, memory);
    }
    return memory;
  }

  /** To be called at the end, also where it was a failure: what was read is known. */
  async save(): Promise<void> {
    for (const memory of this.#local) memory.save();
    trimMemories(this.#store.root);
    try {
      for (const [id, memory] of this.#clients) await this.#keep(id, memory);
      if (this.#clients.size > 0) await trimKept(this.#store);
    } catch (error) {
      // The build has not failed because of it.
      if (!isDiskFull(error)) throw error;
    }
  }

  async #keep(id: string, { digests, contents }: ClientMemory): Promise<void> {
    using _ = contents;
    await withKept(this.#store, id, async () => {
      digests.save();
      await contents.save({ wanted: () => digests.digests(), maximum: keptBytes });
    });
  }

  #open(id: string): ContentMemory {
    return openContentMemory(join(memories(this.#store.root), id));
  }
}

const idOf = (name: string): string => createHash("sha256").update(name).digest("hex");

/** Where `builder prune` and the ledger look, too. */
const memories = (root: string): string => join(buildCacheFolder(root), "contexts");

/** Takes the memories away that were not used for longest. Another build may be doing the same. */
function trimMemories(root: string): void {
  try {
    const names = readdirSync(memories(root));
    if (names.length <= kept) return;
    const aged = names.map((name) => ({
      path: join(memories(root), name),
      age: -statSync(join(memories(root), name)).mtimeMs,
    }));
    for (const { path } of aged.sort((a, b) => a.age - b.age).slice(kept)) rmSync(path, { force: true });
  } catch {
    // There are none, or one has just gone.
  }
}
