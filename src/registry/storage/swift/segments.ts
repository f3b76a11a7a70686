/**
 * Large files in Swift, in distribution's way: the bytes lie in segments `segments/<abc>/<rest>/<number>`, and an empty
 * object with `X-Object-Manifest` names what their names begin with ("Dynamic Large Objects").
 *
 * distribution moves a file by writing a second manifest and deleting the first. Killed in between, it has two, and with
 * the first, which is garbage, it deletes the segments of both. So a note `owners/<abc><rest>` is written before a move:
 * it says to which key the segments go. distribution does not look there.
 */
import { randomBytes } from "node:crypto";
import { Failure } from "../../../errors.ts";
import { inParallel } from "../objects/in_parallel.ts";
import type { SwiftClient } from "./swift_client.ts";

export interface SwiftEntry {
  readonly name: string;
  readonly bytes: number;
  readonly last_modified: string;
}

export type SwiftListed = SwiftEntry | { readonly subdir: string };

export interface Segment {
  readonly number: number;
  readonly size: number;
}

export const contentType = { "Content-Type": "application/octet-stream" };

const pageSize = 1000;

export class Segments {
  readonly #client: SwiftClient;
  /** "" or ends with a slash. */
  readonly #root: string;

  constructor(client: SwiftClient, root: string) {
    this.#client = client;
    this.#root = root;
  }

  /** A new place for segments, in which there is nothing. */
  newPlace(): string {
    const name = randomBytes(52).toString("hex");
    return `${this.#root}segments/${name.slice(0, 3)}/${name.slice(3)}`;
  }

  /** The place that a manifest names; undefined for an object that is none, or that is in another container. */
  placeOf(header: string | readonly string[] | undefined): string | undefined {
    if (header === undefined) return undefined;
    const [container, ...rest] = decodeURIComponent(String(header)).split("/");
    return container === this.#client.container ? rest.join("/") : undefined;
  }

  async writeManifest(key: string, place: string): Promise<void> {
    const headers = { ...contentType, "X-Object-Manifest": `${this.#client.container}/${place}` };
    await this.#client.send({ method: "PUT", key, headers, body: new Uint8Array() });
  }

  /** Key of a segment; numbers begin at 1. */
  keyOf(place: string, number: number): string {
    return `${place}/${String(number).padStart(16, "0")}`;
  }

  /** In order. A listing may be late; a segment itself never is, and they were written one after the other. */
  async list(place: string): Promise<Segment[]> {
    const segments: Segment[] = [];
    for await (const listed of listContainer(this.#client, { prefix: `${place}/` })) {
      if ("name" in listed)
        segments.push({ number: Number(listed.name.slice(place.length + 1)), size: listed.bytes });
    }
    for (;;) {
      const number = (segments.at(-1)?.number ?? 0) + 1;
      const key = this.keyOf(place, number);
      const { status, headers } = await this.#client.send({ method: "HEAD", key, expect: [404] });
      if (status === 404) return segments;
      segments.push({ number, size: Number(headers["content-length"]) });
    }
  }

  /** Notes that the segments are about to belong to the manifest at `key`. */
  async assign(place: string, key: string): Promise<void> {
    await this.#client.send({
      method: "PUT",
      key: this.#noteOf(place),
      headers: contentType,
      body: Buffer.from(key),
    });
  }

  /** Takes the segments away of a manifest that was at `key`, unless they have moved on. */
  async release(place: string, key: string): Promise<void> {
    const note = await this.#client.send({ method: "GET", key: this.#noteOf(place), expect: [404] });
    const owner = note.status === 404 ? key : Buffer.from(note.bytes).toString("utf8");
    if (owner !== key) {
      const { headers } = await this.#client.send({ method: "HEAD", key: owner, expect: [404] });
      if (this.placeOf(headers["x-object-manifest"]) === place) return;
    }
    const keys = (await this.list(place)).map(({ number }) => this.keyOf(place, number));
    if (note.status !== 404) keys.push(this.#noteOf(place));
    await inParallel(keys, 16, async (segment) => {
      await this.#client.send({ method: "DELETE", key: segment, expect: [404] });
    });
  }

  #noteOf(place: string): string {
    return `${this.#root}owners/${place.slice(`${this.#root}segments/`.length).replaceAll("/", "")}`;
  }
}

/** All names of the container that begin so, page by page. */
export async function* listContainer(
  client: SwiftClient,
  options: { readonly prefix: string; readonly delimiter?: string; readonly limit?: number },
): AsyncGenerator<SwiftListed, void, undefined> {
  const { prefix, delimiter, limit = Infinity } = options;
  let marker: string | undefined;
  for (let left = limit; left > 0;) {
    const want = Math.min(left, pageSize);
    const query = {
      format: "json",
      prefix,
      limit: String(want),
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(marker === undefined ? {} : { marker }),
    };
    const { status, bytes } = await client.send({ method: "GET", query });
    const page = status === 204 ? [] : (JSON.parse(Buffer.from(bytes).toString("utf8")) as SwiftListed[]);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < want) return;
    const next = "name" in last ? last.name : last.subdir;
    if (next === marker) throw new Failure("unavailable", `swift lists ${next} again and again`);
    marker = next;
    left -= page.length;
  }
}
