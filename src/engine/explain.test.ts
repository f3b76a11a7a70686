import assert from "node:assert/strict";
import { test } from "node:test";
import { explain, explainedTopics } from "./explain.ts";

const all = (topic: string): string => JSON.stringify(explain(topic));

test("every topic has a title, a text, limits and what is often told wrongly", () => {
  for (const topic of explainedTopics) {
    const { title, text, limits, misconceptions } = explain(topic);
    assert.ok(title.length > 0 && text.length > 0 && limits.length > 0 && misconceptions.length > 0, topic);
  }
  assert.throws(() => explain("zfs"), {
    kind: "invalid",
    message: '"zfs" is not explained',
    hint: "these are: unionfs, aufs, overlay, overlay2, layers, images",
  });
});

test("B003 no layer holds a kernel: there is no bootfs", () => {
  assert.match(all("layers"), /No layer holds a kernel or a boot loader: there is no bootfs/);
});

test("B052 an image is the read-only stack with its config, a layer each of its parts and the writable top", () => {
  assert.match(all("images"), /read-only stack of layers together with its config/);
  assert.match(all("images"), /Old texts call every layer an image; since Docker 1\.10 only configs are/);
  assert.match(all("layers"), /the writable container layer/);
});

test("B053 identities are kept apart", () => {
  const layers = all("layers");
  for (const identity of [
    /diff ID is the sha256 of its uncompressed tar/,
    /blob digest is the sha256 of the compressed/,
  ]) {
    assert.match(layers, identity);
  }
  assert.match(layers, /c1 = d1, cn = sha256\(c\(n-1\) \+ \\" \\" \+ dn\)/);
  assert.match(layers, /cache ID, random/);
  assert.match(all("images"), /image ID is the digest of the config/);
  assert.match(all("images"), /manifest's or an index's digest, never the image ID/);
});
