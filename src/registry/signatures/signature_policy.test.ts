import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  manifestOf,
  pushBlob,
  pushSmallImage,
  putManifest,
  refusal,
  serveOn,
} from "../../../test/suites/registry_requests.ts";
import { scratch } from "../../../test/suites/scratch.ts";
import { digestOf, mediaTypes, type Digest } from "../../oci/index.ts";
import type { AccessController } from "../access/types.ts";
import { RegistryError } from "../registry_error.ts";
import { memoryStorage } from "../storage/memory.ts";
import { signaturePolicy } from "./signature_policy.ts";
import type { SignatureMode, SignatureRule } from "./signature_rule.ts";
import {
  cosignBundle,
  cosignReferrer,
  cosignTagged,
  dsseBundle,
  pushSignature,
  statementOf,
} from "./signatures_fixture.test.ts";
import { TrustSource } from "./trust.ts";

const trusted = generateKeyPairSync("ec", { namedCurve: "P-256" });
const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" });

const pemOf = (key: KeyObject) => String(key.export({ format: "pem", type: "spki" }));

/** Who says `push` in the header may push, everybody may pull. */
const access: AccessController = {
  authorize: async ({ request, needed }) => {
    const user = request.headers.authorization;
    if (user !== "push" && needed.some(({ actions }) => actions.includes("push")))
      throw user === "pull token"
        ? new RegistryError("UNAUTHORIZED", [], {
            "WWW-Authenticate": 'Bearer scope="repository:prod/app:pull,push"',
          })
        : new RegistryError("DENIED");
    return { user, groups: [] };
  },
};

/** A registry with one rule for `prod/**`, and its file of keys. */
async function serve(modes: readonly SignatureMode[], tags: readonly string[] = ["*"]) {
  const directory = scratch("signatures");
  const file = join(directory.path, "keys.pem");
  writeFileSync(file, pemOf(trusted.publicKey));
  const trust = new TrustSource({ keys: [file], certificates: [], identities: [] }, {});
  const rule: SignatureRule = { repositories: ["prod/**"], tags, modes, trust };
  const storage = memoryStorage();
  const policy = signaturePolicy({ rules: [rule], storage });
  const open = modes.includes("pull") ? undefined : { storage, policy };
  const registry = await serveOn(open ?? { storage, policy, access });
  // Who pushes is another one where pulls are looked at.
  const pusher = open === undefined ? await serveOn({ storage, policy }) : undefined;
  const dispose = async () => {
    await pusher?.[Symbol.asyncDispose]();
    await registry[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  };
  return {
    file,
    origin: registry.origin,
    pushing: pusher?.origin ?? registry.origin,
    [Symbol.asyncDispose]: dispose,
  };
}

/** An image that is there by its digest alone. */
async function pushUntagged(origin: string, repository: string, comment = ""): Promise<Digest> {
  const bytes = manifestOf(await pushBlob(origin, repository, "{}"), { annotations: { comment } });
  assert.equal((await putManifest(origin, repository, digestOf(bytes), bytes)).status, 201);
  return digestOf(bytes);
}

const tagImage = async (origin: string, repository: string, tag: string, comment = "") =>
  putManifest(origin, repository, tag, manifestOf(digestOf("{}"), { annotations: { comment } }));

test("B172 a tag leads only to what is signed; signed as cosign does it, in each of its forms", async () => {
  const signers = [
    (image: Digest) => cosignTagged(image, trusted.privateKey),
    (image: Digest) => cosignReferrer(image, trusted.privateKey),
    (image: Digest) => cosignBundle(image, dsseBundle(statementOf(image), trusted.privateKey)),
  ];
  for (const signed of signers) {
    await using registry = await serve(["push"]);
    const { origin } = registry;
    const image = await pushUntagged(origin, "prod/app");
    assert.deepEqual(await refusal(tagImage(origin, "prod/app", "v1")), [403, "DENIED"]);
    assert.equal((await fetch(`${origin}/v2/prod/app/manifests/v1`)).status, 404);
    await pushSignature(origin, "prod/app", signed(image));
    assert.equal((await tagImage(origin, "prod/app", "v1")).status, 201);
    assert.deepEqual(await refusal(tagImage(origin, "prod/app", "v1", "other")), [403, "DENIED"]);
  }
});

test("the refusal says what to do, and what was wrong with the signatures that there are", async () => {
  await using registry = await serve(["push"]);
  const { origin } = registry;
  const image = await pushUntagged(origin, "prod/app");
  const signature = await pushSignature(origin, "prod/app", cosignReferrer(image, stranger.privateKey));
  const answer = await tagImage(origin, "prod/app", "v1");
  assert.deepEqual(JSON.parse(await answer.text()), {
    errors: [
      {
        code: "DENIED",
        message:
          "prod/app:v1 may lead only to a signed image: push it by its digest, sign it, then push the tag",
        detail: {
          repository: "prod/app",
          tag: "v1",
          digest: image,
          signatures: [`${signature} is by none of the trusted keys`],
        },
      },
    ],
  });
});

test("no signature: by a stranger, over another image, of another repository, an attestation", async () => {
  await using registry = await serve(["push"]);
  const { origin } = registry;
  const image = await pushUntagged(origin, "prod/app");
  const other = await pushUntagged(origin, "prod/app", "other");
  await pushUntagged(origin, "prod/elsewhere");
  const provenance = statementOf(image, "https://slsa.dev/provenance/v1");
  await pushSignature(origin, "prod/app", cosignTagged(image, trusted.privateKey, other));
  await pushSignature(origin, "prod/app", cosignReferrer(image, stranger.privateKey));
  await pushSignature(origin, "prod/app", cosignReferrer(image, trusted.privateKey, other));
  await pushSignature(origin, "prod/app", cosignBundle(image, dsseBundle(provenance, trusted.privateKey)));
  await pushSignature(origin, "prod/elsewhere", cosignReferrer(image, trusted.privateKey));
  assert.deepEqual(await refusal(tagImage(origin, "prod/app", "v1")), [403, "DENIED"]);
  assert.equal((await tagImage(origin, "prod/elsewhere", "v1")).status, 201);
});

test("a rule holds for its repositories and tags only", async () => {
  await using registry = await serve(["push"], ["v*"]);
  const { origin } = registry;
  await pushSmallImage(origin, "prod/app", "candidate");
  await pushSmallImage(origin, "dev/app", "v1");
  const bytes = manifestOf(digestOf("{}"));
  assert.deepEqual(await refusal(putManifest(origin, "prod/app", "v1", bytes)), [403, "DENIED"]);
  const query = `${digestOf(bytes)}?tag=candidate&tag=v2`;
  assert.deepEqual(await refusal(putManifest(origin, "prod/app", query, bytes)), [403, "DENIED"]);
});

test("under a signature's tag nothing else comes in, and a signature under no other tag", async () => {
  await using registry = await serve(["push"]);
  const { origin } = registry;
  const image = await pushUntagged(origin, "prod/app");
  const tag = `${image.replace(":", "-")}.sig`;
  assert.deepEqual(await refusal(tagImage(origin, "prod/app", tag)), [403, "DENIED"]);
  const astray = { ...cosignTagged(image, stranger.privateKey), tag: "latest" };
  await assert.rejects(pushSignature(origin, "prod/app", astray), /may lead only to a signed image/);
});

test("B172 what is not signed is not given out, by tag or digest, GET or HEAD, unless to who may push", async () => {
  await using registry = await serve(["pull"]);
  const { origin, pushing } = registry;
  const image = await pushSmallImage(pushing, "prod/app", "v1");
  await pushSmallImage(pushing, "dev/app", "v1");
  const ask = (key: string, user: string, init: RequestInit = {}) =>
    fetch(`${origin}/v2/prod/app/manifests/${key}`, { ...init, headers: { Authorization: user } });
  for (const key of ["v1", image]) {
    assert.deepEqual(await refusal(ask(key, "jo")), [403, "DENIED"]);
    assert.equal((await ask(key, "jo", { method: "HEAD" })).status, 403);
    assert.equal((await ask(key, "push")).status, 200);
  }
  const challenged = await ask("v1", "pull token");
  assert.equal(challenged.headers.get("www-authenticate"), 'Bearer scope="repository:prod/app:pull,push"');
  assert.deepEqual(await refusal(challenged), [401, "UNAUTHORIZED"]);
  const conditional = { headers: { "If-None-Match": `"${image}"` } };
  assert.equal((await fetch(`${origin}/v2/prod/app/manifests/v1`, conditional)).status, 403);
  assert.equal((await fetch(`${origin}/v2/dev/app/manifests/v1`)).status, 200);
  const signature = await pushSignature(pushing, "prod/app", cosignTagged(image, trusted.privateKey));
  for (const key of ["v1", image, signature, `${image.replace(":", "-")}.sig`])
    assert.equal((await ask(key, "jo")).status, 200, key);
});

test("a signature that is taken away, or whose key is, counts no more", async () => {
  await using registry = await serve(["pull"]);
  const { origin, pushing, file } = registry;
  const image = await pushSmallImage(pushing, "prod/app", "v1");
  const statusOf = async () => (await fetch(`${origin}/v2/prod/app/manifests/v1`)).status;
  const replaceKeys = (pem: string) => {
    writeFileSync(`${file}.new`, pem);
    renameSync(`${file}.new`, file);
  };
  const tagged = await pushSignature(pushing, "prod/app", cosignTagged(image, trusted.privateKey));
  assert.equal(await statusOf(), 200);
  await fetch(`${pushing}/v2/prod/app/manifests/${image.replace(":", "-")}.sig`, { method: "DELETE" });
  assert.equal(await statusOf(), 403, `${tagged} has no tag`);
  const referring = await pushSignature(pushing, "prod/app", cosignReferrer(image, trusted.privateKey));
  assert.equal(await statusOf(), 200);
  const usual = readFileSync(file, "utf8");
  replaceKeys(pemOf(stranger.publicKey));
  assert.equal(await statusOf(), 403);
  replaceKeys("no key");
  assert.equal(await statusOf(), 403, "what was read before stays in force");
  replaceKeys(usual + pemOf(stranger.publicKey));
  assert.equal(await statusOf(), 200);
  await fetch(`${pushing}/v2/prod/app/manifests/${referring}`, { method: "DELETE" });
  assert.equal(await statusOf(), 403);
  rmSync(file);
  assert.equal(await statusOf(), 500, "no keys, no pulls");
});

function indexOf(...members: readonly Digest[]): Buffer {
  const manifests = members.map((digest) => ({ mediaType: mediaTypes.ociManifest, digest, size: 2 }));
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }));
}

const putIndex = (origin: string, key: string, bytes: Buffer) =>
  putManifest(origin, "prod/app", key, bytes, { "Content-Type": mediaTypes.ociIndex });

test("members of a signed index are given out by digest, and may not be tagged or pulled by tag for it", async () => {
  await using registry = await serve(["pull", "push"]);
  const { origin, pushing } = registry;
  const [member, alone] = [
    await pushUntagged(pushing, "prod/app"),
    await pushUntagged(pushing, "prod/app", "alone"),
  ];
  const index = indexOf(member);
  const outer = indexOf(digestOf(index));
  for (const bytes of [index, outer]) await putIndex(pushing, digestOf(bytes), bytes);
  const statusOf = async (key: string) => (await fetch(`${origin}/v2/prod/app/manifests/${key}`)).status;
  assert.equal(await statusOf(member), 403);
  await pushSignature(pushing, "prod/app", cosignReferrer(digestOf(outer), trusted.privateKey));
  for (const key of [digestOf(outer), digestOf(index), member]) assert.equal(await statusOf(key), 200);
  assert.equal(await statusOf(alone), 403);
  assert.deepEqual(await refusal(tagImage(pushing, "prod/app", "v1")), [403, "DENIED"]);
  assert.equal((await putIndex(pushing, "v1", outer)).status, 201);
});

test("a list of signatures under the tag of referrers is given out, a list of anything else is not", async () => {
  await using registry = await serve(["pull", "push"]);
  const { origin, pushing } = registry;
  const image = await pushUntagged(pushing, "prod/app");
  const signature = await pushSignature(pushing, "prod/app", cosignReferrer(image, trusted.privateKey));
  const tag = image.replace(":", "-");
  assert.equal((await putIndex(pushing, tag, indexOf(signature))).status, 201);
  assert.equal((await fetch(`${origin}/v2/prod/app/manifests/${tag}`)).status, 200);
  const mixed = indexOf(signature, image);
  assert.deepEqual(await refusal(putIndex(pushing, tag, mixed)), [403, "DENIED"]);
  await putIndex(pushing, digestOf(mixed), mixed);
  assert.equal((await fetch(`${origin}/v2/prod/app/manifests/${digestOf(mixed)}`)).status, 403);
});

/** A tar of one empty file whose name is the beginning of `head`, filled up with spaces. */
function tarLike(head: Buffer, tail: string, signed = false): Buffer {
  const block = Buffer.alloc(512, " ");
  head.copy(block);
  const sum = block.reduce((total, byte) => total + (signed && byte > 127 ? byte - 256 : byte), 0);
  block.write(`${sum.toString(8).padStart(6, "0")}  `, 148, "latin1");
  return Buffer.concat([block, Buffer.from(tail)]);
}

test("what is called a signature and could be unpacked is an image", async () => {
  await using registry = await serve(["pull"]);
  const { origin, pushing } = registry;
  const simple = "application/vnd.dev.cosign.simplesigning.v1+json";
  const artifactType = "application/vnd.cncf.notary.signature";
  const textHead = Buffer.from([0x78, 0x19, 0x01, 0xfc]);
  // A tag of CBOR, so that the first byte counts as a negative number.
  const signedTar = tarLike(Buffer.of(0xd2, 0x79, 0x01, 0xfc), "", true);
  const dangerous = [
    { layers: [{ mediaType: simple, bytes: Buffer.from([0x1f, 0x8b, 8, 0]) }] },
    { layers: [{ mediaType: simple, bytes: Buffer.alloc(1024) }] },
    { layers: [{ mediaType: simple, bytes: tarLike(Buffer.from('{"a":"'), '"}') }] },
    {
      layers: [{ mediaType: "application/cose", bytes: tarLike(Buffer.of(0x79, 0x01, 0xfd), "") }],
      artifactType,
    },
    { layers: [{ mediaType: "application/cose", bytes: signedTar }], artifactType },
    { layers: [{ mediaType: "application/cose", bytes: textHead }], artifactType },
    { layers: [{ mediaType: "application/jose+json", bytes: Buffer.from("{}") }] },
  ];
  for (const [index, stored] of dangerous.entries()) {
    const digest = await pushSignature(pushing, "prod/app", stored);
    assert.equal((await fetch(`${origin}/v2/prod/app/manifests/${digest}`)).status, 403, String(index));
  }
  const harmless = { layers: [{ mediaType: "application/cose", bytes: Buffer.of(0xf6) }], artifactType };
  const digest = await pushSignature(pushing, "prod/app", harmless);
  assert.equal((await fetch(`${origin}/v2/prod/app/manifests/${digest}`)).status, 200);
});

test("of several rules each must be content", async () => {
  using directory = scratch("signatures");
  const storage = memoryStorage();
  const rules = [trusted, stranger].map(({ publicKey }, index): SignatureRule => {
    const file = join(directory.path, `${index}.pem`);
    writeFileSync(file, pemOf(publicKey));
    const trust = new TrustSource({ keys: [file], certificates: [], identities: [] }, {});
    return { repositories: ["**"], tags: ["*"], modes: ["push"], trust };
  });
  await using both = await serveOn({ storage, policy: signaturePolicy({ rules, storage }) });
  const image = await pushUntagged(both.origin, "app");
  await pushSignature(both.origin, "app", cosignReferrer(image, trusted.privateKey));
  assert.deepEqual(await refusal(tagImage(both.origin, "app", "v1")), [403, "DENIED"]);
  await pushSignature(both.origin, "app", cosignReferrer(image, stranger.privateKey));
  assert.equal((await tagImage(both.origin, "app", "v1")).status, 201);
});
