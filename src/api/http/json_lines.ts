/** An answer of JSON objects that come over time, one a line: progress of pulls, pushes, loads and builds. */
import type { ServerResponse } from "node:http";
import type { Progress } from "../../bytes/index.ts";
import { goJson } from "../../oci/index.ts";
import { isRepainted, jsonMessage } from "../../wire/index.ts";
import type { Call } from "./call.ts";
import { writeChunk } from "./write_chunk.ts";

/** Milliseconds between two counts of one layer (moby, pkg/progress and pkg/streamformatter). */
const interval = 100;

/** Why a call fails after its answer has begun; `code` as the command of a build gave it. */
interface ErrorDetail {
  readonly code?: number;
  readonly message: string;
}

export class JsonLines {
  readonly #call: Call;
  readonly #now: () => number;
  #response: ServerResponse | undefined;
  /** What waits for the client to read, oldest first; a count gives way to a newer one of the same layer. */
  readonly #waiting = new Map<string, string>();
  #isFull = false;
  #number = 0;
  #room: PromiseWithResolvers<void> | undefined;
  readonly #told = new Map<string, { readonly status: string; readonly at: number }>();

  /** @param now milliseconds, monotonic */
  constructor(call: Call, now: () => number = () => performance.now()) {
    this.#call = call;
    this.#now = now;
  }

  /** Whether the head of the answer is out, so that no status can be given any more. */
  get hasBegun(): boolean {
    return this.#response !== undefined;
  }

  /** Undefined: there is room. Else resolves when the client has read, or has gone. */
  room = (): Promise<void> | undefined => {
    if (!this.#isFull || this.#response?.destroyed === true) return undefined;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  };

  write(line: object): void {
    this.#put(`line ${this.#number++}`, line);
  }

  /** Of a layer's counts only some are told, and the last before its status changes need not be. */
  report = (progress: Progress): void => {
    const { id, status, current } = progress;
    if (id === undefined || !isRepainted(progress)) return this.write(jsonMessage(progress));
    const key = `count ${id}`;
    if (current === undefined) {
      this.#waiting.delete(key);
      this.#told.delete(id);
      return this.write(jsonMessage(progress));
    }
    const last = this.#told.get(id);
    const now = this.#now();
    const isDone = current === progress.total;
    if (!isDone && last?.status === status && now - last.at < interval) return;
    this.#told.set(id, { status, at: now });
    this.#put(key, jsonMessage(progress));
  };

  /** In Docker's two spellings. */
  fail(detail: ErrorDetail): void {
    this.write({ errorDetail: detail, error: detail.message });
  }

  /** All is written; what waits goes out as the client reads. */
  end(): void {
    const response = this.#begin();
    for (const text of this.#waiting.values()) writeChunk(response, text);
    this.#waiting.clear();
    response.end();
  }

  #begin(): ServerResponse {
    if (this.#response === undefined) {
      this.#response = this.#call.stream("application/json");
      this.#response.once("close", () => this.#makeRoom());
    }
    return this.#response;
  }

  #put(key: string, line: object): void {
    const text = `${goJson(line)}\r\n`;
    const response = this.#begin();
    if (response.destroyed) return;
    if (this.#isFull) {
      // At the end, if it was there already.
      this.#waiting.delete(key);
      this.#waiting.set(key, text);
    } else if (!writeChunk(response, text)) {
      this.#isFull = true;
      response.once("drain", () => this.#drained(response));
    }
  }

  #drained(response: ServerResponse): void {
    this.#isFull = false;
    for (const [key, text] of this.#waiting) {
      this.#waiting.delete(key);
      if (writeChunk(response, text)) continue;
      this.#isFull = true;
      return void response.once("drain", () => this.#drained(response));
    }
    this.#makeRoom();
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}

/**
 * Answers with what `work` writes. A failure before the first line is thrown, for the answer's status; one after it is the
 * last line (moby, api/server/router/image: `streamformatter.FormatError`).
 */
export async function answerJsonLines(
  call: Call,
  work: (lines: JsonLines) => Promise<void>,
  detailOf: (error: unknown) => ErrorDetail = plainDetail,
): Promise<void> {
  const lines = new JsonLines(call);
  try {
    await work(lines);
  } catch (error) {
    if (!lines.hasBegun) throw error;
    lines.fail(detailOf(error));
  }
  lines.end();
}

function plainDetail(error: unknown): ErrorDetail {
  return { message: error instanceof Error ? error.message : String(error) };
}
