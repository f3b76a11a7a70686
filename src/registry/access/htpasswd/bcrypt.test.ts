import assert from "node:assert/strict";
import { test } from "node:test";
import { bcryptMatches, parseBcrypt } from "./bcrypt.ts";
import { piWords } from "./pi_words.ts";

test("Blowfish's state begins and ends as published", () => {
  const words = [...piWords(1042)].map((word) => (word >>> 0).toString(16));
  assert.deepEqual(
    [words[0], words[17], words[18], words[1041]],
    ["243f6a88", "8979fb1b", "d1310ba6", "3ac372e6"],
  );
});

/** From the test vectors of Openwall's crypt_blowfish, and of Apache's htpasswd. */
const vectors: [password: string | Buffer, hash: string][] = [
  ["U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
  ["U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"],
  ["U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"],
  ["", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"],
  [Buffer.from("a3", "hex"), "$2y$05$/OK.fbVrR/bpIqNJ5ianF.Sa7shbm4.OzKpvFnX1pQLmQW96oUlCq"],
  [Buffer.from("ffffa3", "hex"), "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"],
  ["secret", "$2y$05$z6svPfy.SWgXRnnClm49O.sT8kSpPOmsktWyCNpIV2N2VO9V0HcX6"],
];

for (const [password, hash] of vectors) {
  test(`bcrypt of ${JSON.stringify(password.toString("latin1"))}`, () => {
    const parsed = parseBcrypt(hash)!;
    assert.equal(bcryptMatches(Buffer.from(password), parsed), true);
    assert.equal(bcryptMatches(Buffer.from("another"), parsed), false);
  });
}

test("a password counts up to its 72nd byte", () => {
  const hash = parseBcrypt("$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui")!;
  const long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const password = `${long}0123456789chars after 72 are ignored`;
  assert.equal(bcryptMatches(Buffer.from(password), hash), true);
  assert.equal(bcryptMatches(Buffer.from(password.slice(0, 72)), hash), true);
  assert.equal(bcryptMatches(Buffer.from(password.slice(0, 71)), hash), false);
});

test("other kinds of hash, and nonsense, are none", () => {
  const tail = "CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
  for (const text of [
    "",
    "secret",
    "$apr1$MnTzGmU1$Xv1eVOYzsD4vWk0iXgYPx.",
    "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
    "$5$rounds=5000$salt$hash",
    `$2x$05$${tail}`,
    `$2$05$${tail}`,
    `$2a$03$${tail}`,
    `$2a$32$${tail}`,
    `$2a$5$${tail}`,
    `$2a$05$${tail}x`,
    `$2a$05$${tail}\n`,
  ])
    assert.equal(parseBcrypt(text), undefined, text);
});
