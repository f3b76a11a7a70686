import { randomBytes } from "node:crypto";
import { loadBuilder, type BuilderTools } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import type { Read } from "../../rpc/index.ts";
import { BuildProgress, StatusFeed } from "../progress/index.ts";
import type { SolveRequest } from "./control_messages.ts";
import type { RemotePlace } from "./result_definition.ts";
import type { SolveSurroundings, Solved } from "./solve_dockerfile.ts";

/** What the client that is the frontend of its own build has come to. */
export interface Returned {
  /** Of the results, the one that is to be exported; undefined: there is nothing to export. */
  readonly result?: string;
  /** What it has failed with. */
  readonly error?: Error;
}

/** Begins the work of a result. */
export type Solving = (surroundings: SolveSurroundings) => Promise<Solved>;

/** The call that has begun it. */
export interface BuildAsked {
  readonly request: Read<typeof SolveRequest>;
  readonly signal: AbortSignal;
}

type Result =
  | { readonly solving: Solving; solved?: Promise<Solved> }
  | { readonly place: RemotePlace; opened?: Promise<RemoteFiles> };

type RemoteFiles = Awaited<ReturnType<BuilderTools["openRemoteFiles"]>>;

const mostResults = 100;

export class BuildUnderWay {
  readonly feed = new StatusFeed();
  readonly progress: BuildProgress;
  readonly request: BuildAsked["request"];
  /** Aborted when the client has gone, and at the end. */
  readonly signal: AbortSignal;
  readonly #results = new Map<string, Result>();
  readonly #opened = new AsyncDisposableStack();
  readonly #returned = Promise.withResolvers<Returned>();
  #hasEnded = false;

  constructor({ request, signal }: BuildAsked) {
    this.request = request;
    this.progress = new BuildProgress({ ref: request.ref, send: (update) => this.feed.push(update) });
    this.signal = signal;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Keeps work for when its result is wanted; returns what the result is called. */
  add(solving: Solving): string {
    return this.#add({ solving });
  }

  /** The same for files that are read before the build. */
  addFiles(place: RemotePlace): string {
    return this.#add({ place });
  }

  #add(result: Result): string {
    if (this.#results.size >= mostResults)
      throw new Failure("limit", `the build has ${mostResults} results already`);
    const id = randomBytes(16).toString("hex");
    this.#results.set(id, result);
    return id;
  }

  hasResult(id: string): boolean {
    return this.#results.has(id);
  }

  hasFiles(id: string): boolean {
    const result = this.#results.get(id);
    return result !== undefined && "place" in result;
  }

  /** Does the work, once. @throws Failure("not-found"); what the work throws */
  async result(id: string): Promise<Solved> {
    const result = this.#result(id);
    if ("place" in result)
      throw new Failure("unsupported", "files from elsewhere are no result that can be exported or built on");
    result.solved ??= result.solving({
      progress: this.progress,
      pace: this.feed.room,
      signal: this.signal,
    });
    return result.solved;
  }

  /** Fetches the files, once. @throws Failure("unsupported") for the result of a Dockerfile; Failure("not-found") */
  async files(id: string): Promise<RemoteFiles> {
    const result = this.#result(id);
    if (!("place" in result)) throw new Failure("unsupported", "files of results are not read here");
    result.opened ??= this.#open(result.place);
    return result.opened;
  }

  async #open(place: RemotePlace): Promise<RemoteFiles> {
    const name = `[internal] load ${place.kind === "git" ? place.reference : place.url}`;
    return this.progress.during(withoutPasswords(name), async () => {
      const { openRemoteFiles } = await loadBuilder();
      return this.#opened.use(await openRemoteFiles(place, this.signal));
    });
  }

  #result(id: string): Result {
    const result = this.#results.get(id);
    if (result === undefined) throw new Failure("not-found", `no such ref: ${id}`);
    return result;
  }

  /** Only the first counts. */
  return(returned: Returned): void {
    this.#returned.resolve(returned);
  }

  /** @throws Failure("cancelled") when the client has gone */
  async returned(): Promise<Returned> {
    const abort = (): void => this.#returned.reject(new Failure("cancelled", "context canceled"));
    this.signal.addEventListener("abort", abort, { once: true });
    if (this.signal.aborted) abort();
    try {
      return await this.#returned.promise;
    } finally {
      this.signal.removeEventListener("abort", abort);
    }
  }

  async end(): Promise<void> {
    this.#hasEnded = true;
    this.progress.finish();
    this.feed.end();
    await this.#opened.disposeAsync();
  }
}

function withoutPasswords(text: string): string {
  return text.replace(/:\/\/[^/@\s]+@/g, "://xxxxx@");
}
