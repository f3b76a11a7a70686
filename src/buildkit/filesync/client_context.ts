/** A build's context, Dockerfile and `.dockerignore` from the client's session (moby/buildkit, frontend/dockerui). */
import { fromText } from "../../byte_string.ts";
import type { ClientMemory, SourceTree } from "../../build/index.ts";
import { ignoreMatcher, parseIgnore } from "../../dockerfile/index.ts";
import {
  loadBuilder,
  type ClientContext,
  type ContextPlace,
  type OpensTree,
  type OpenedContext,
} from "../../engine/index.ts";
import type { BuildProgress } from "../progress/index.ts";
import type { Session } from "../session/index.ts";
import type { Wanted } from "./file_transfer.ts";
import { openClientTree } from "./open_client_tree.ts";

export interface ClientContextOptions {
  /** Path in its directory (default `Dockerfile`). */
  readonly filename?: string;
  /** What the client calls the directory of the context (default `context`). */
  readonly contextName?: string;
  /** The same for that of the Dockerfile (default `dockerfile`). */
  readonly dockerfileName?: string;
  /** Told of each directory that is read. Default: nobody is. */
  readonly progress?: Pick<BuildProgress, "during">;
}

/** Bytes of the largest Dockerfile and `.dockerignore`, as with the builder's own contexts. */
const maxBytes = 4 << 20;

/** Nothing is asked of the client before the build opens it. */
export function clientContext(session: Session, options: ClientContextOptions = {}): ClientContext {
  const {
    filename = "Dockerfile",
    contextName = "context",
    dockerfileName = "dockerfile",
    progress,
  } = options;
  const reader = new Reader(session, progress);
  return {
    name: `client ${session.sharedKey || session.name}`,
    async open(place) {
      const { dockerfile, ownIgnore } = await reader.definition(dockerfileName, filename, place);
      const patterns = patternsOf(ownIgnore ?? (await reader.ignore(contextName, place)));
      // A Dockerfile that copies nothing from the context needs not even a list of its files.
      let opening: Promise<SourceTree> | undefined;
      const files = (): Promise<SourceTree> =>
        (opening ??= reader.context("context", { directory: contextName, excludes: patterns }, place));
      return {
        dockerfile,
        files,
        ...(patterns.length > 0 && { ignore: ignoreMatcher(patterns) }),
        [Symbol.asyncDispose]: async () => (await opening?.catch(() => undefined))?.[Symbol.dispose](),
      };
    },
  };
}

/** A further directory of the client, with its own `.dockerignore`. @param localName what the client calls it */
export function clientTree(session: Session, localName: string): OpensTree {
  const reader = new Reader(session, undefined);
  return async (place) => {
    const excludes = patternsOf(await reader.ignore(localName, place));
    return reader.context(localName, { directory: localName, excludes }, place);
  };
}

/** One small file. @throws Failure("not-found") in the words for a Dockerfile */
export async function readClientFile(
  session: Session,
  localName: string,
  path: string,
  place: ContextPlace,
): Promise<Uint8Array> {
  return (await new Reader(session, undefined).definition(localName, path, place)).dockerfile.bytes;
}

function patternsOf(ignore: Uint8Array | undefined): readonly string[] {
  return ignore === undefined ? [] : parseIgnore(Buffer.from(ignore).toString("utf8"));
}

interface Definition {
  readonly dockerfile: OpenedContext["dockerfile"];
  /** Patterns that belong to this Dockerfile alone. */
  readonly ownIgnore: Uint8Array | undefined;
}

class Reader {
  readonly #session: Session;
  readonly #progress: Pick<BuildProgress, "during"> | undefined;

  constructor(session: Session, progress: Pick<BuildProgress, "during"> | undefined) {
    this.#session = session;
    this.#progress = progress;
  }

  definition(directory: string, filename: string, place: ContextPlace): Promise<Definition> {
    return this.#during(directory, `load build definition from ${filename}`, async (onBytes) => {
      const own = `${filename}.dockerignore`;
      // In either spelling, as Docker has it (moby/moby#10858).
      const isDefault = filename === "Dockerfile";
      const paths = [filename, own, ...(isDefault ? ["dockerfile"] : [])];
      using tree = await openClientTree(
        this.#session,
        "dockerfile",
        { directory, paths },
        { ...place, onBytes },
      );
      for (const path of paths) await tree.load(fromText(path), maxBytes);
      const { dockerfileInTree, readInTree } = await loadBuilder();
      const dockerfile = dockerfileInTree(tree, isDefault ? undefined : filename);
      return { dockerfile, ownIgnore: readInTree(tree, own) };
    });
  }

  ignore(directory: string, place: ContextPlace): Promise<Uint8Array | undefined> {
    return this.#during(directory, "load .dockerignore", async (onBytes) => {
      const paths = [".dockerignore"];
      using tree = await openClientTree(
        this.#session,
        directory,
        { directory, paths },
        { ...place, onBytes },
      );
      await tree.load(".dockerignore", maxBytes);
      return (await loadBuilder()).readInTree(tree, ".dockerignore");
    });
  }

  /** The list of files; their contents come later. */
  context(name: string, wanted: Wanted, place: ContextPlace): Promise<SourceTree> {
    const { directory, excludes = [] } = wanted;
    return this.#during(directory, "load build context", async (onBytes) => {
      const memory = this.#memoryOf(directory, place);
      const options = { ...place, onBytes, ...(memory && { memory }) };
      const tree = await openClientTree(this.#session, name, wanted, options);
      if (excludes.length === 0) return tree;
      // A client need not leave out what it was told to.
      return (await import("../../build/index.ts")).withIgnored(tree, ignoreMatcher(excludes));
    });
  }

  /** A client that does not say which directory it is gets none. */
  #memoryOf(directory: string, { memoryOf }: ContextPlace): ClientMemory | undefined {
    const { sharedKey } = this.#session;
    return sharedKey === "" ? undefined : memoryOf?.(`client ${sharedKey} ${directory}`);
  }

  #during<T>(
    directory: string,
    what: string,
    work: (onBytes: (total: number) => void) => Promise<T>,
  ): Promise<T> {
    if (this.#progress === undefined) return work(() => undefined);
    const id = `transferring ${directory}:`;
    return this.#progress.during(`[internal] ${what}`, async (vertex) => {
      const count = new Count((current) => vertex.status({ id, current }));
      const result = await work((total) => count.set(total));
      vertex.status({ id, current: count.end(), isDone: true });
      return result;
    });
  }
}

/** Milliseconds between two counts that are told. */
const interval = 100;

/** What comes after its end is not told: contents that steps fetch are theirs. */
class Count {
  readonly #tell: (total: number) => void;
  #total = 0;
  #told = Date.now();
  #isOver = false;

  constructor(tell: (total: number) => void) {
    this.#tell = tell;
  }

  set(total: number): void {
    this.#total = total;
    if (this.#isOver || Date.now() - this.#told < interval) return;
    this.#told = Date.now();
    this.#tell(total);
  }

  end(): number {
    this.#isOver = true;
    return this.#total;
  }
}
