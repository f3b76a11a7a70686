import assert from "node:assert/strict";
import { test } from "node:test";
import { familiarReference, type ImageId, type Reference } from "../oci/index.ts";
import { resolveImage } from "./resolve_image.ts";
import type { StoredImage } from "./types.ts";

const id = (start: string) => `sha256:${start.padEnd(64, "0")}` as ImageId;
const manifest = id("dddd");
const [abc, abd, fed] = [id("abc1"), id("abd2"), id("fed3")];
const names = new Map<string, ImageId>([
  ["alpine:latest", abc],
  ["alpine:3.20", abd],
  [`alpine@${manifest}`, abc],
  ["fed:latest", abc],
  ["gone:latest", id("0123")],
]);

const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers" } };
const images = new Map(
  [abc, abd, fed].map((key): [ImageId, StoredImage] => [key, { id: key, bytes: Buffer.from(""), config }]),
);
const store = {
  images: { get: async (key: ImageId) => images.get(key), list: async () => [...images.keys()] },
  names: { get: async (name: Reference) => names.get(familiarReference(name)) },
} as unknown as Parameters<typeof resolveImage>[0];

test("an image is found by name, tag, digest and any part of its ID", async () => {
  const cases: [string, ImageId][] = [
    ["alpine", abc],
    ["alpine:3.20", abd],
    ["docker.io/library/alpine:3.20", abd],
    [`alpine@${manifest}`, abc],
    [abc, abc],
    [abc.slice(7), abc],
    ["abc", abc],
    ["f", fed],
    ["sha256:fe", fed],
    // A name wins over an ID that begins alike.
    ["fed", abc],
  ];
  for (const [text, expected] of cases) assert.equal((await resolveImage(store, text)).id, expected, text);
});

test("what is not there is reported as Docker reports it", async () => {
  const cases: [string, string][] = [
    ["nothing", "No such image: nothing:latest"],
    ["alpine:9", "No such image: alpine:9"],
    ["docker.io/library/x", "No such image: x:latest"],
    ["gone", "No such image: gone:latest"],
    ["localhost:5000/a/b", "No such image: localhost:5000/a/b:latest"],
    [id("9"), `No such image: ${id("9")}`],
    [id("9").slice(7), `No such image: ${id("9")}`],
    ["beef", "No such image: beef:latest"],
    [`alpine@${abd}`, `No such image: alpine@${abd}`],
  ];
  for (const [text, message] of cases)
    await assert.rejects(resolveImage(store, text), { kind: "not-found", message }, text);
});

test("digits with which two IDs begin are refused", async () => {
  await assert.rejects(resolveImage(store, "ab"), {
    kind: "invalid",
    message: "Multiple IDs found with provided prefix: ab",
  });
});

test("what is no reference is refused", async () => {
  for (const text of ["", "UPPER", "a b", "../x", "-"])
    await assert.rejects(
      resolveImage(store, text),
      { kind: "invalid", message: /^invalid reference format/ },
      text,
    );
});
