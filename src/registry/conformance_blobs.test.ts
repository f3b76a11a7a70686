/**
 * The part of the specification's conformance program (opencontainers/distribution-spec, `conformance/run.go`) that is
 * about blobs, by its own names: each way to push, for each algorithm, and what is there afterwards.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { refusal, serveOn } from "../../test/suites/registry_requests.ts";
import { digestOf, type Algorithm, type Digest } from "../oci/index.ts";
import { memoryStorage } from "./storage/memory.ts";

const octets = { "Content-Type": "application/octet-stream" };

/** A push of bytes, under a digest that may be wrong, by some way. */
interface Push {
  readonly origin: string;
  readonly algorithm: Algorithm;
  readonly bytes: Buffer;
  readonly digest: Digest;
}
/** Returns the answer to the last request. */
type Way = (push: Push) => Promise<Response>;

const uploads = ({ origin }: Push, repository = "one"): string => `${origin}/v2/${repository}/blobs/uploads/`;

async function begin(push: Push): Promise<string> {
  const query = push.algorithm === "sha256" ? "" : `?digest-algorithm=${push.algorithm}`;
  const answer = await fetch(`${uploads(push)}${query}`, { method: "POST" });
  assert.equal(answer.status, 202);
  return answer.headers.get("location") as string;
}

const end = (url: string, { digest }: Push, init: RequestInit = {}): Promise<Response> =>
  fetch(`${url}?digest=${digest}`, { method: "PUT", ...init });

/** The chunk `[from, to)`. */
function chunk(url: string, { bytes }: Push, from: number, to: number): Promise<Response> {
  const headers = { ...octets, "Content-Range": `${from}-${to - 1}` };
  return fetch(url, { method: "PATCH", body: bytes.subarray(from, to), headers });
}

/** Three chunks; `astray`: before each but the first, one that is not its turn; `putLast`: the last one ends it. */
const chunked =
  ({ astray = false, putLast = false }): Way =>
  async (push) => {
    const size = push.bytes.length;
    const third = Math.ceil(size / 3);
    let url = await begin(push);
    for (const from of putLast ? [0, third] : [0, third, 2 * third]) {
      if (astray) {
        const far = from + third >= size ? 0 : from + third;
        const refused = await chunk(url, push, far, Math.min(far + third, size));
        assert.deepEqual(await refusal(refused), [416, "RANGE_INVALID"]);
        const state = await fetch(url);
        assert.deepEqual([state.status, state.headers.get("range")], [204, `0-${Math.max(0, from - 1)}`]);
      }
      const to = Math.min(from + third, size);
      const taken = await chunk(url, push, from, to);
      assert.deepEqual([taken.status, taken.headers.get("range")], [202, `0-${to - 1}`]);
      url = taken.headers.get("location") as string;
    }
    if (!putLast) return end(url, push);
    const headers = { ...octets, "Content-Range": `${2 * third}-${size - 1}` };
    return end(url, push, { body: push.bytes.subarray(2 * third), headers });
  };

const mountAs =
  (query: string): Way =>
  async (push) => {
    const there = { method: "POST", body: push.bytes, headers: octets };
    assert.equal((await fetch(`${uploads(push, "two")}?digest=${push.digest}`, there)).status, 201);
    return fetch(`${uploads(push)}?mount=${push.digest}${query}`, { method: "POST" });
  };

const ways: Readonly<Record<string, Way>> = {
  "post only": (push) =>
    fetch(`${uploads(push)}?digest=${push.digest}`, { method: "POST", body: push.bytes, headers: octets }),
  "post+put": async (push) => end(await begin(push), push, { body: push.bytes, headers: octets }),
  "chunked single": async (push) => {
    const url = await begin(push);
    assert.equal((await chunk(url, push, 0, push.bytes.length)).status, 202);
    return end(url, push);
  },
  "chunked multi": chunked({}),
  "chunked multi and put chunk": chunked({ putLast: true }),
  "chunked out-of-order": chunked({ astray: true }),
  "chunked out-of-order and put chunk": chunked({ astray: true, putLast: true }),
  stream: async (push) => {
    const url = await begin(push);
    const init = {
      method: "PATCH",
      body: new Blob([push.bytes as Buffer<ArrayBuffer>]).stream(),
      headers: octets,
      duplex: "half",
    };
    assert.equal((await fetch(url, init as RequestInit)).status, 202);
    return end(url, push);
  },
  mount: mountAs("&from=two"),
  "mount anonymous": mountAs(""),
  "mount missing": async (push) => {
    const answer = await fetch(`${uploads(push)}?mount=${push.digest}&from=two`, { method: "POST" });
    assert.equal(answer.status, 202);
    return end(answer.headers.get("location") as string, push, { body: push.bytes, headers: octets });
  },
};

/** The blob can be had, in parts too, until it is deleted. */
async function assertThere({ origin, bytes, digest }: Push, answer: Response): Promise<void> {
  assert.equal(answer.status, 201, await answer.text());
  assert.equal(answer.headers.get("docker-content-digest"), digest);
  const url = `${origin}/v2/one/blobs/${digest}`;
  assert.equal(answer.headers.get("location"), url);
  const head = await fetch(url, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, String(bytes.length)]);
  assert.deepEqual(Buffer.from(await (await fetch(url)).arrayBuffer()), bytes);
  if (bytes.length > 500) await assertRanges(url, bytes);
  assert.equal((await fetch(url, { method: "DELETE" })).status, 202);
  assert.deepEqual(await refusal(fetch(url)), [404, "BLOB_UNKNOWN"]);
}

async function assertRanges(url: string, bytes: Buffer): Promise<void> {
  const size = bytes.length;
  for (const [range, from, to] of [
    ["500-999", 500, 1000],
    ["500-", 500, size],
    ["-500", size - 500, size],
    [`500-${2 * size}`, 500, size],
  ] as const) {
    const part = await fetch(url, { headers: { Range: `bytes=${range}` } });
    assert.deepEqual(
      [part.status, part.headers.get("content-range")],
      [206, `bytes ${from}-${to - 1}/${size}`],
    );
    assert.deepEqual(Buffer.from(await part.arrayBuffer()), bytes.subarray(from, to));
  }
  for (const range of ["500-0", `${size}-${size + 5}`])
    assert.equal((await fetch(url, { headers: { Range: `bytes=${range}` } })).status, 416, range);
}

for (const algorithm of ["sha256", "sha512"] as const) {
  const hash = (bytes: Buffer): Digest => `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
  const serve = () => serveOn({ storage: memoryStorage() });

  describe(`OCI conformance: ${algorithm} blobs`, () => {
    for (const [name, way] of Object.entries(ways)) {
      test(`B162 B164 ${name}`, async () => {
        await using registry = await serve();
        const bytes = randomBytes(2999);
        const push = { origin: registry.origin, algorithm, bytes, digest: hash(bytes) };
        assert.deepEqual(await refusal(fetch(`${push.origin}/v2/one/blobs/${push.digest}`)), [
          404,
          "BLOB_UNKNOWN",
        ]);
        await assertThere(push, await way(push));
      });
    }

    for (const name of ["post only", "post+put", "chunked multi", "chunked multi and put chunk", "stream"]) {
      test(`B162 bad digest ${name}`, async () => {
        await using registry = await serve();
        const bytes = randomBytes(2999);
        const push = {
          origin: registry.origin,
          algorithm,
          bytes: Buffer.concat([bytes, Buffer.from("oh no")]),
          digest: hash(bytes),
        };
        assert.deepEqual(await refusal(await ways[name]!(push)), [400, "DIGEST_INVALID"]);
        for (const digest of [push.digest, hash(push.bytes), digestOf(push.bytes)])
          assert.deepEqual(await refusal(fetch(`${push.origin}/v2/one/blobs/${digest}`)), [
            404,
            "BLOB_UNKNOWN",
          ]);
      });
    }

    test("B162 empty, emptyJSON", async () => {
      await using registry = await serve();
      for (const bytes of [Buffer.alloc(0), Buffer.from("{}")]) {
        const push = { origin: registry.origin, algorithm, bytes, digest: hash(bytes) };
        await assertThere(push, await ways["post+put"]!(push));
      }
    });

    test("B162 post cancel", async () => {
      await using registry = await serve();
      const bytes = randomBytes(2999);
      const push = { origin: registry.origin, algorithm, bytes, digest: hash(bytes) };
      const url = await begin(push);
      assert.equal((await chunk(url, push, 0, 100)).status, 202);
      assert.equal((await fetch(url, { method: "DELETE" })).status, 204);
      assert.deepEqual(await refusal(fetch(url)), [404, "BLOB_UPLOAD_UNKNOWN"]);
      assert.deepEqual(await refusal(end(url, push)), [404, "BLOB_UPLOAD_UNKNOWN"]);
    });
  });
}
