/**
 * A file under way as a resumable upload, in distribution's way: the session takes multiples of 256 KiB; what is left over
 * lies, with the session's address, in an object of a type of its own at the file's key, until the upload ends and the
 * file itself takes that place. Source: "Resumable uploads", Cloud Storage documentation.
 */
import type { ByteSource } from "../../../bytes/index.ts";
import { Failure } from "../../../errors.ts";
import { regroup } from "../objects/regroup.ts";
import type { AppendableFile } from "../types.ts";
import type { GcsStore } from "./gcs_store.ts";

/** distribution's content type of an upload under way. */
export const sessionType = "application/x-docker-upload-session";
export const quantum = 256 << 10;

/** The client closed it: "Cancel a resumable upload". */
const cancelledStatus = 499;

interface State {
  /** Address of the session; "" before there is one. */
  readonly session: string;
  /** Bytes that the session has. */
  readonly offset: number;
  /** Bytes behind them. */
  readonly rest: Uint8Array;
}

export class ResumableFile implements AppendableFile {
  readonly #store: GcsStore;
  readonly #key: string;
  readonly #chunkSize: number;
  #state: State;

  private constructor(store: GcsStore, key: string, chunkSize: number, state: State) {
    this.#store = store;
    this.#key = key;
    this.#chunkSize = chunkSize;
    this.#state = state;
  }

  static async create(store: GcsStore, key: string, chunkSize: number): Promise<ResumableFile> {
    const file = new ResumableFile(store, key, chunkSize, { session: "", offset: 0, rest: new Uint8Array() });
    await file.#save();
    return file;
  }

  static async continue(store: GcsStore, key: string, chunkSize: number): Promise<ResumableFile> {
    const found = await store.find(key);
    if (found === undefined) throw new Failure("not-found", `there is no upload ${key}`);
    if (found.contentType !== sessionType) {
      // distribution takes an empty file for a session that was never begun.
      if (Number(found.size) === 0) return ResumableFile.create(store, key, chunkSize);
      throw new Failure("conflict", `${key} is whole: nothing can be appended to it`);
    }
    const { bytes: rest } = await store.send({
      method: "GET",
      path: store.resource(key),
      query: { alt: "media" },
    });
    const { "Session-URI": session = "", Offset: offset = "0" } = found.metadata ?? {};
    const file = new ResumableFile(store, key, chunkSize, { session, offset: Number(offset), rest });
    if (session !== "") await file.#catchUp();
    return file;
  }

  get size(): number {
    return this.#state.offset + this.#state.rest.length;
  }

  async append(source: ByteSource, signal: AbortSignal): Promise<number> {
    const { rest } = this.#state;
    const first = rest.length === 0 ? {} : { first: rest };
    let saved: Uint8Array = rest;
    try {
      await regroup(source, { size: this.#chunkSize, signal, ...first }, async (part) => {
        const whole = part.length - (part.length % quantum);
        saved = Buffer.from(part.subarray(whole)); // the part is not ours to keep
        if (whole > 0) await this.#write(part.subarray(0, whole));
        this.#state = { ...this.#state, rest: saved };
      });
    } finally {
      await this.#save();
    }
    return this.size;
  }

  async commit(): Promise<void> {
    const { session, rest } = this.#state;
    if (session === "") {
      await this.#store.put(this.#key, rest, { ifAbsent: false });
      return;
    }
    await this.#send(rest, this.size);
  }

  async cancel(): Promise<void> {
    const { session } = this.#state;
    if (session !== "") {
      const path = new URL(session);
      await this.#store.send({ method: "DELETE", path, expect: [404, 410, cancelledStatus] });
    }
    await this.#store.delete([this.#key]);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #write(part: Uint8Array): Promise<void> {
    if (this.#state.session === "") this.#state = { ...this.#state, session: await this.#begin() };
    await this.#send(part, undefined);
  }

  async #begin(): Promise<string> {
    const query = { uploadType: "resumable", name: this.#key };
    const headers = { "X-Upload-Content-Type": "application/octet-stream" };
    const answer = await this.#store.send({ method: "POST", path: this.#store.uploads, query, headers });
    const { location } = answer.headers;
    if (location === undefined) throw new Failure("unavailable", `gcs began no upload of ${this.#key}`);
    return location;
  }

  /**
   * Gives bytes to the session, which may take fewer. After an attempt without answer it may have more than we know:
   * then it is asked.
   * @param total bytes of the file, to end it
   */
  async #send(part: Uint8Array, total: number | undefined): Promise<void> {
    const { offset: begin } = this.#state;
    for (let at = 0; ;) {
      const body = part.subarray(at);
      const start = begin + at;
      const range = body.length === 0 ? "*" : `${start}-${start + body.length - 1}`;
      const headers = { "Content-Range": `bytes ${range}/${total ?? "*"}` };
      const path = new URL(this.#state.session);
      const answer = await this.#store.send({
        method: "PUT",
        path,
        headers,
        body,
        expect: [308, 400, 404, 410, 416],
      });
      if (answer.status < 300) break; // whole
      const has = answer.status === 308 ? received(answer.headers.range) : await this.#received();
      if (has === undefined) break; // it was ended by an attempt without answer
      if (has < start || (has === start && body.length > 0 && answer.status !== 308)) {
        throw new Failure("unavailable", `gcs has ${has} bytes of ${this.#key} instead of ${start}`);
      }
      at = Math.min(has - begin, part.length);
      if (at === part.length && total === undefined) break;
    }
    this.#state = { ...this.#state, offset: begin + part.length, rest: new Uint8Array() };
  }

  /** After a crash the session may have more than was written down; never less. */
  async #catchUp(): Promise<void> {
    const { offset, rest } = this.#state;
    const has = (await this.#received()) ?? offset;
    if (has > offset) this.#state = { ...this.#state, offset: has, rest: rest.subarray(has - offset) };
  }

  /** Bytes that the session has; undefined if it has ended. */
  async #received(): Promise<number | undefined> {
    const headers = { "Content-Range": "bytes */*" };
    const path = new URL(this.#state.session);
    const answer = await this.#store.send({ method: "PUT", path, headers, expect: [308, 404, 410] });
    if (answer.status === 404 || answer.status === 410)
      throw new Failure("not-found", `the upload ${this.#key} is gone`);
    return answer.status === 308 ? received(answer.headers.range) : undefined;
  }

  /** "Multipart upload" of metadata and bytes in one request: the address and the rest must not come apart. */
  async #save(): Promise<void> {
    const { session, offset, rest } = this.#state;
    const metadata = { "Session-URI": session, Offset: String(offset) };
    const resource = JSON.stringify({ name: this.#key, contentType: sessionType, metadata });
    const boundary = "varve-part-boundary-5d1c7f0b";
    const head = `--${boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n${resource}\r\n`;
    const body = Buffer.concat([
      Buffer.from(`${head}--${boundary}\r\nContent-Type: ${sessionType}\r\n\r\n`),
      rest,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    const headers = { "Content-Type": `multipart/related; boundary=${boundary}` };
    await this.#store.send({
      method: "POST",
      path: this.#store.uploads,
      query: { uploadType: "multipart" },
      headers,
      body,
    });
  }
}

/** `bytes=0-N`: N + 1 are there; without it none. */
function received(range: string | undefined): number {
  const last = /^bytes=0-(\d+)$/.exec(range ?? "")?.[1];
  return last === undefined ? 0 : Number(last) + 1;
}
