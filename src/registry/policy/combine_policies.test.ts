import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../oci/index.ts";
import type { BlobIntent, ManifestIntent, RegistryActor, RegistryPolicy } from "../hooks.ts";
import { RegistryError } from "../registry_error.ts";
import { combinePolicies } from "./combine_policies.ts";

const actor: RegistryActor = {
  identity: { user: undefined, groups: [] },
  requestId: "r",
  method: "PUT",
  remoteAddress: undefined,
  userAgent: undefined,
  host: "",
};
const upload = { repository: "a", actor, uploadId: "u", offset: 0, size: 1 };
const blob: BlobIntent = { repository: "a", actor, digest: digestOf("x"), size: 1, uploadId: "u" };
const manifest: ManifestIntent = {
  repository: "a",
  actor,
  digest: digestOf("x"),
  mediaType: "",
  bytes: Buffer.of(),
  tags: ["v1", "v2"],
  subject: undefined,
};

/** Notes what it is asked. */
function noting(asked: string[], name: string, refused = ""): RegistryPolicy {
  const ask = async (what: string) => {
    asked.push(`${name} ${what}`);
    if (what === refused) throw new RegistryError("DENIED", [name]);
  };
  return {
    beforeUpload: async () => (await ask("upload"), { grow: (size) => void asked.push(`${name} ${size}`) }),
    uploadEnded: () => ask("ended"),
    beforeBlob: () => ask("blob"),
    beforeManifest: async () => (await ask("manifest"), { onlyNew: [name] }),
    beforeDelete: () => ask("delete"),
  };
}

test("policies are asked in order until one refuses; a refused upload has ended for all", async () => {
  const asked: string[] = [];
  const policy = combinePolicies([noting(asked, "a"), {}, noting(asked, "b", "upload"), noting(asked, "c")]);
  await assert.rejects(policy.beforeUpload!(upload), { status: 403 });
  assert.deepEqual(asked.splice(0), ["a upload", "b upload", "a ended", "b ended", "c ended"]);
  await policy.beforeBlob!(blob);
  await policy.beforeDelete!({ ...blob, kind: "blob", tags: [] });
  assert.deepEqual(
    asked,
    ["blob", "delete"].flatMap((what) => ["a", "b", "c"].map((name) => `${name} ${what}`)),
  );
});

test("of several permits the strictest counts", async () => {
  const asked: string[] = [];
  const bound = (maxBytes: number): RegistryPolicy => ({ beforeUpload: async () => ({ maxBytes }) });
  const policy = combinePolicies([bound(7), noting(asked, "v1"), bound(5), noting(asked, "v2")]);
  const permit = await policy.beforeUpload!(upload);
  assert.equal(permit?.maxBytes, 5);
  await permit?.grow?.(3);
  assert.deepEqual(asked.slice(-2), ["v1 3", "v2 3"]);
  assert.deepEqual(await policy.beforeManifest!(manifest), { onlyNew: ["v1", "v2"] });
  assert.deepEqual(await combinePolicies([{}]).beforeManifest!(manifest), { onlyNew: [] });
});
