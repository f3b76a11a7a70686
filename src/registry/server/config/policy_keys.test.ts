import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeyPath, Problems } from "./field.ts";
import { checkSignatures, policy, subjectParts } from "./policy_keys.ts";

/** What is wrong with one rule. */
function problemsOf(rule: object, isOpen = false): string[] {
  const found: string[] = [];
  const note = (path: KeyPath, message: string) => void found.push(`${path.join(".")}: ${message}`);
  const problems: Problems = { wrong: note, idle: note };
  checkSignatures(policy.read({ signatures: [rule] }, ["policy"], problems).signatures, isOpen, problems);
  return found;
}

const good = { repositories: ["prod/**"], cosign: { keys: ["/k.pem"] } };
const at = "policy.signatures.0";

const table: readonly [rule: object, problem: string | undefined, isOpen?: boolean][] = [
  [good, undefined],
  [{ ...good, modes: ["push", "pull"] }, undefined],
  [{ ...good, tags: ["v*"], modes: ["push"] }, undefined, true],
  [
    {
      repositories: ["a"],
      notation: { certificates: ["/c.pem"], identities: ["x509.subject: C=US, O=x\\, y"] },
    },
    undefined,
  ],
  [{ ...good, repositories: [] }, `${at}.repositories: is missing: ** is all of them`],
  [{ ...good, repositories: ["Prod"] }, `${at}.repositories: no repository can fit "Prod"`],
  [{ ...good, tags: ["v/1"] }, `${at}.tags: no tag can fit "v/1"`],
  [
    { repositories: ["**"] },
    `${at}.cosign.keys: is missing, and so are notation.certificates: no signature could be trusted`,
  ],
  [
    { ...good, notation: { identities: ["O=x"] } },
    `${at}.notation.certificates: is missing: identities are those of certificates`,
  ],
  [
    { ...good, notation: { certificates: ["/c.pem"], identities: ["somebody"] } },
    `${at}.notation.identities: expected a subject such as C=US, O=Example, found "somebody"`,
  ],
  [
    { ...good, tags: ["v*"], modes: ["pull"] },
    `${at}.tags: images are pulled by digest as well: a rule for pull holds whatever the tag`,
  ],
  [
    { ...good, modes: ["pull"] },
    `${at}.modes: pull needs auth: whoever may push may read what is not signed`,
    true,
  ],
  [{ ...good, modes: ["read"] }, `${at}.modes.0: expected one of push, pull, found "read"`],
  [{ ...good, cosign: { key: "x" } }, `${at}.cosign.key: unknown key, did you mean keys?`],
];
for (const [rule, problem, isOpen] of table) {
  test(`a rule of signatures: ${problem ?? "good"} ${JSON.stringify(rule)}`, () => {
    const [first] = problemsOf(rule, isOpen);
    assert.equal(first, problem);
  });
}

test("the parts of a subject", () => {
  assert.deepEqual(subjectParts("x509.subject: C=US, ST=WA,O=a\\, b"), ["C=US", "ST=WA", "O=a\\, b"]);
});
