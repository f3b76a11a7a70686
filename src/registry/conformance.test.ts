/**
 * The OCI distribution specification's own conformance list (its `conformance/` directory: pull, push, content discovery,
 * content management), as requests with the answers that it wants. The rows of a category run in order on one registry.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { manifestOf, pushBlob, pushSmallImage, serveOn } from "../../test/suites/registry_requests.ts";
import { digestOf, mediaTypes } from "../oci/index.ts";
import { memoryStorage } from "./storage/memory.ts";

const blob = "0123456789";
const [config, subject] = [digestOf("{}"), digestOf("the subject")];
const manifest = manifestOf(config).toString();
const referring = manifestOf(config, { subject, artifactType: "application/x.test" }).toString();
const index = JSON.stringify({
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [{ mediaType: mediaTypes.ociManifest, digest: digestOf(manifest), size: manifest.length }],
});
const sha512 = `sha512:${createHash("sha512").update(blob).digest("hex")}`;
const absent = digestOf("never pushed");
const asManifest = { "Content-Type": mediaTypes.ociManifest };
const octets = { "Content-Type": "application/octet-stream" };

interface Row {
  readonly does: string;
  readonly method: string;
  /** Below `/v2/`; `@` goes on where the last Location led. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
  /** Headers that the answer must have. */
  readonly has?: Readonly<Record<string, string | RegExp>>;
  readonly says?: string | RegExp;
}
const row = (does: string, method: string, path: string, status: number, rest: Partial<Row> = {}): Row => ({
  does,
  method,
  path,
  status,
  ...rest,
});
const start = row("a session", "POST", "c/repo/blobs/uploads/", 202, {
  has: { Location: /uploads\//, Range: "0-0" },
});
const chunk = (range: string, body: string, status: number) =>
  row(`chunk ${range}`, "PATCH", "@", status, { body, headers: { ...octets, "Content-Range": range } });
const created = (digest: string) => ({ Location: /\/blobs\/sha/, "Docker-Content-Digest": digest });

const categories: Readonly<Record<string, readonly Row[]>> = {
  push: [
    row("the API is there", "GET", "", 200),
    row("post only", "POST", `c/repo/blobs/uploads/?digest=${config}`, 201, {
      body: "{}",
      headers: octets,
      has: created(config),
    }),
    row("post only, wrong digest", "POST", `c/repo/blobs/uploads/?digest=${absent}`, 400, {
      body: "x",
      says: /DIGEST_INVALID/,
    }),
    start,
    row("post, then put", "PUT", `@?digest=${digestOf(blob)}`, 201, {
      body: blob,
      has: created(digestOf(blob)),
    }),
    start,
    chunk("0-3", "0123", 202),
    chunk("8-9", "89", 416),
    chunk("0-3", "0123", 416),
    row("where it stands", "GET", "@", 204, { has: { Range: "0-3", Location: /uploads\// } }),
    chunk("4-6", "456", 202),
    row("last chunk astray", "PUT", `@?digest=${digestOf(blob)}`, 416, {
      body: "89",
      headers: { "Content-Range": "8-9" },
    }),
    row("last chunk", "PUT", `@?digest=${digestOf(blob)}`, 201, {
      body: "789",
      headers: { "Content-Range": "7-9" },
    }),
    row("a session for sha512", "POST", "c/repo/blobs/uploads/?digest-algorithm=sha512", 202),
    row("streamed", "PATCH", "@", 202, { body: blob, headers: octets, has: { Range: "0-9" } }),
    row("streamed, closed", "PUT", `@?digest=${sha512}`, 201, { has: created(sha512) }),
    start,
    row("cancelled", "DELETE", "@", 204),
    row("after that", "GET", "@", 404, { says: /BLOB_UPLOAD_UNKNOWN/ }),
    row("the empty blob", "POST", `c/repo/blobs/uploads/?digest=${digestOf("")}`, 201),
    row("mount", "POST", `c/other/blobs/uploads/?mount=${config}&from=c/repo`, 201, { has: created(config) }),
    row("mount from anywhere", "POST", `c/third/blobs/uploads/?mount=${config}`, 201, {
      has: created(config),
    }),
    row("mount of what is nowhere", "POST", `c/other/blobs/uploads/?mount=${absent}&from=c/repo`, 202, {
      has: { Location: /uploads\// },
    }),
    row("manifest by tag", "PUT", "c/repo/manifests/t", 201, {
      body: manifest,
      headers: asManifest,
      has: { "Docker-Content-Digest": digestOf(manifest), Location: /manifests\/sha256:/ },
    }),
    row("manifest by digest", "PUT", `c/repo/manifests/${digestOf(manifest)}`, 201, {
      body: manifest,
      headers: asManifest,
    }),
    row("manifest by digest with tags", "PUT", `c/repo/manifests/${digestOf(manifest)}?tag=u&tag=v`, 201, {
      body: manifest,
      headers: asManifest,
      has: { "OCI-Tag": "u, v" },
    }),
    row("manifest by a bad digest", "PUT", "c/repo/manifests/sha256:baddigeststring", 400, {
      body: manifest,
      headers: asManifest,
    }),
    row("manifest without its blobs", "PUT", "c/empty/manifests/t", 400, {
      body: manifest,
      headers: asManifest,
      says: /MANIFEST_BLOB_UNKNOWN/,
    }),
    row("index", "PUT", "c/repo/manifests/index", 201, {
      body: index,
      headers: { "Content-Type": mediaTypes.ociIndex },
    }),
    row("subject that is not there", "PUT", "c/repo/manifests/ref", 201, {
      body: referring,
      headers: asManifest,
      has: { "OCI-Subject": subject },
    }),
  ],
  pull: [
    row("blob that is not there", "GET", `p/repo/blobs/${absent}`, 404, { says: /BLOB_UNKNOWN/ }),
    row("blob", "GET", `p/repo/blobs/${digestOf(blob)}`, 200, {
      says: blob,
      has: { "Docker-Content-Digest": digestOf(blob), "Content-Length": "10" },
    }),
    row("head of a blob", "HEAD", `p/repo/blobs/${digestOf(blob)}`, 200, {
      says: "",
      has: { "Content-Length": "10", "Docker-Content-Digest": digestOf(blob) },
    }),
    row("head of none", "HEAD", `p/repo/blobs/${absent}`, 404),
    ...(
      [
        ["2-4", "234", "2-4"],
        ["2-", "23456789", "2-9"],
        ["-3", "789", "7-9"],
        ["8-50", "89", "8-9"],
      ] as const
    ).map(([range, says, told]) =>
      row(`bytes ${range}`, "GET", `p/repo/blobs/${digestOf(blob)}`, 206, {
        headers: { Range: `bytes=${range}` },
        says,
        has: { "Content-Range": `bytes ${told}/10`, "Content-Length": String(says.length) },
      }),
    ),
    ...["5-0", "50-60", "-0"].map((range) =>
      row(`bytes ${range}`, "GET", `p/repo/blobs/${digestOf(blob)}`, 416, {
        headers: { Range: `bytes=${range}` },
        has: { "Content-Range": "bytes */10" },
      }),
    ),
    row("two ranges", "GET", `p/repo/blobs/${digestOf(blob)}`, 206, {
      headers: { Range: "bytes=0-1,8-9" },
      has: { "Content-Type": /^multipart\/byteranges; boundary=/ },
      says: /Content-Range: bytes 0-1\/10\r\n\r\n01\r\n--[^]*bytes 8-9\/10\r\n\r\n89\r\n--/,
    }),
    row("range of what has changed", "GET", `p/repo/blobs/${digestOf(blob)}`, 200, {
      headers: { Range: "bytes=0-1", "If-Range": '"other"' },
      says: blob,
    }),
    ...["t", digestOf(manifest)].flatMap((key) => [
      row(`manifest ${key}`, "GET", `p/repo/manifests/${key}`, 200, {
        says: manifest,
        has: { "Content-Type": mediaTypes.ociManifest, "Docker-Content-Digest": digestOf(manifest) },
      }),
      row(`head of ${key}`, "HEAD", `p/repo/manifests/${key}`, 200, {
        says: "",
        has: { "Content-Length": String(manifest.length) },
      }),
    ]),
    row("no such tag", "GET", "p/repo/manifests/missing", 404, { says: /MANIFEST_UNKNOWN/ }),
    row("no such manifest", "HEAD", `p/repo/manifests/${absent}`, 404),
    row("no such repository", "GET", "p/none/manifests/t", 404),
  ],
  "content discovery": [
    row("tags", "GET", "d/repo/tags/list", 200, { says: '{"name":"d/repo","tags":["a","b","c"]}\n' }),
    row("two of them", "GET", "d/repo/tags/list?n=2", 200, {
      says: /"tags":\["a","b"\]/,
      has: { Link: '</v2/d/repo/tags/list?last=b&n=2>; rel="next"' },
    }),
    row("the rest", "GET", "d/repo/tags/list?n=2&last=b", 200, { says: /"tags":\["c"\]/ }),
    row("none of them", "GET", "d/repo/tags/list?n=0", 200, { says: /"tags":\[\]/ }),
    row("tags of nothing", "GET", "d/none/tags/list", 404, { says: /NAME_UNKNOWN/ }),
    row("referrers", "GET", `d/repo/referrers/${subject}`, 200, {
      says: new RegExp(digestOf(referring)),
      has: { "Content-Type": mediaTypes.ociIndex },
    }),
    row("filtered", "GET", `d/repo/referrers/${subject}?artifactType=application/x.other`, 200, {
      says: /"manifests":\[\]/,
      has: { "OCI-Filters-Applied": "artifactType" },
    }),
    row("none", "GET", `d/repo/referrers/${absent}`, 200, { says: /"manifests":\[\]/ }),
    row("of nothing", "GET", `d/none/referrers/${absent}`, 200, { says: /"manifests":\[\]/ }),
    row("of no digest", "GET", "d/repo/referrers/sha256:bad", 400),
  ],
  "content management": [
    row("a tag", "DELETE", "m/repo/manifests/t", 202),
    row("is gone", "HEAD", "m/repo/manifests/t", 404),
    row("alone", "HEAD", `m/repo/manifests/${digestOf(manifest)}`, 200),
    row("the manifest", "DELETE", `m/repo/manifests/${digestOf(manifest)}`, 202),
    row("is gone, too", "HEAD", `m/repo/manifests/${digestOf(manifest)}`, 404),
    row("with its other tag", "HEAD", "m/repo/manifests/u", 404),
    row("once only", "DELETE", `m/repo/manifests/${digestOf(manifest)}`, 404),
    row("a blob", "DELETE", `m/repo/blobs/${config}`, 202),
    row("is gone as well", "HEAD", `m/repo/blobs/${config}`, 404),
    row("and once only", "DELETE", `m/repo/blobs/${config}`, 404),
  ],
};

async function prepare(origin: string): Promise<void> {
  await pushBlob(origin, "p/repo", blob);
  for (const [name, tags] of [
    ["p/repo", ["t"]],
    ["d/repo", ["b", "a"]],
    ["m/repo", ["t", "u"]],
  ] as const) {
    for (const tag of tags) await pushSmallImage(origin, name, tag);
  }
  await pushSmallImage(origin, "d/repo", "c", { subject, artifactType: "application/x.test" });
}

for (const [category, rows] of Object.entries(categories)) {
  describe(`OCI conformance: ${category}`, () => {
    test(`B162 B163 B164 B165 B167 B168 ${rows.length} requests have the answers that the specification wants`, async () => {
      await using registry = await serveOn({ storage: memoryStorage() });
      await prepare(registry.origin);
      let location = "";
      for (const { does, method, path, headers, body, status, has = {}, says } of rows) {
        const url = path.startsWith("@") ? `${location}${path.slice(1)}` : `${registry.origin}/v2/${path}`;
        const answer = await fetch(url, {
          method,
          ...(body !== undefined && { body }),
          ...(headers && { headers }),
        });
        const text = await answer.text();
        assert.equal(answer.status, status, `${does}: ${text}`);
        for (const [header, value] of Object.entries(has)) {
          const got = answer.headers.get(header) ?? "";
          if (typeof value === "string") assert.equal(got, value, `${does}: ${header}`);
          else assert.match(got, value, `${does}: ${header}`);
        }
        if (typeof says === "string") assert.equal(text, says, does);
        else if (says !== undefined) assert.match(text, says, does);
        const next = answer.headers.get("location");
        if (next?.includes("/uploads/")) location = next;
      }
    });
  });
}
