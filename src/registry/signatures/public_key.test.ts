import assert from "node:assert/strict";
import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { isSignedBy, parsePublicKeys } from "./public_key.ts";

const pemOf = (key: KeyObject) => String(key.export({ format: "pem", type: "spki" }));
const bytes = Buffer.from("payload");

const kinds: readonly [
  name: string,
  pair: () => { publicKey: KeyObject; privateKey: KeyObject },
  hash: string | null,
][] = [
  ["P-256", () => generateKeyPairSync("ec", { namedCurve: "P-256" }), "sha256"],
  ["P-384 with SHA-256, as cosign 2", () => generateKeyPairSync("ec", { namedCurve: "P-384" }), "sha256"],
  [
    "P-384 with its own hash, as cosign 3",
    () => generateKeyPairSync("ec", { namedCurve: "P-384" }),
    "sha384",
  ],
  ["P-521", () => generateKeyPairSync("ec", { namedCurve: "P-521" }), "sha512"],
  ["RSA", () => generateKeyPairSync("rsa", { modulusLength: 2048 }), "sha256"],
  ["Ed25519", () => generateKeyPairSync("ed25519"), null],
];
for (const [name, pair, hash] of kinds) {
  test(`${name}: its signatures and no others`, () => {
    const { publicKey, privateKey } = pair();
    const keys = parsePublicKeys(`${pemOf(generateKeyPairSync("ed25519").publicKey)}\n${pemOf(publicKey)}`);
    const signature = sign(hash, bytes, privateKey);
    assert.equal(isSignedBy(keys, bytes, signature), true);
    assert.equal(isSignedBy(keys, Buffer.from("other"), signature), false);
    assert.equal(isSignedBy(keys.slice(0, 1), bytes, signature), false);
    for (const broken of [Buffer.of(), signature.subarray(1), Buffer.concat([signature, Buffer.of(0)])])
      assert.equal(isSignedBy(keys, bytes, broken), false);
  });
}

const bad: readonly [pem: () => string, message: RegExp][] = [
  [() => "", /holds no "PUBLIC KEY"/],
  [
    () => String(generateKeyPairSync("ed25519").privateKey.export({ format: "pem", type: "pkcs8" })),
    /holds no/,
  ],
  [() => "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", /key 1 cannot be read/],
  [
    () => pemOf(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey),
    /key 1 is of 1024 bits, not 2048 to 8192/,
  ],
  [
    () => pemOf(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey),
    /key 1 is on the curve secp256k1/,
  ],
  [() => pemOf(generateKeyPairSync("x25519").publicKey), /key 1 is of the kind x25519/],
];
for (const [pem, message] of bad) {
  test(`refused: ${message.source}`, () => {
    assert.throws(() => parsePublicKeys(pem()), { kind: "invalid", message });
  });
}
