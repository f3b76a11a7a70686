import assert from "node:assert/strict";
import { randomBytes, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { scratch, type Scratch } from "../../../../test/suites/scratch.ts";
import { mediaTypes } from "../../../oci/index.ts";
import { opensslSkip as skip } from "../../access/tokens/certificates_fixture.test.ts";
import {
  authority,
  certify,
  codeSigner,
  CborTag,
  notationCose,
  notationJws,
  type Certified,
  type NotationParts,
} from "../signatures_fixture.test.ts";
import type { SignedTarget } from "../signed_target.ts";
import { parseCose } from "./parse_cose.ts";
import { parseJws } from "./parse_jws.ts";
import { verifyNotation } from "./verify_notation.ts";

const target: SignedTarget = {
  mediaType: mediaTypes.ociManifest,
  digest: `sha256:${"a".repeat(64)}`,
  size: 7,
};

interface People {
  readonly directory: string;
  readonly root: Certified;
  readonly between: Certified;
  readonly signer: Certified;
}

let held: Scratch | undefined;
function people(): People {
  held ??= scratch("notation");
  const directory = held.path;
  const root = certify(directory, "root");
  const between = certify(directory, "between", { by: root });
  const signer = certify(directory, "signer", { by: between, extensions: codeSigner });
  return { directory, root, between, signer };
}
const { directory, root, between, signer } = skip === false ? people() : ({} as People);
test.after(() => held?.[Symbol.dispose]());

const forms = [
  { form: "JWS", parse: parseJws, make: notationJws },
  { form: "COSE", parse: parseCose, make: notationCose },
] as const;
type Form = (typeof forms)[number];

interface Trusting {
  readonly trusted?: readonly X509Certificate[];
  readonly identities?: readonly (readonly string[])[];
  readonly now?: number;
}

function check({ parse, make }: Form, parts: Partial<NotationParts>, trusting: Trusting = {}): number {
  const { trusted = [root.certificate], identities = [], now = Date.now() } = trusting;
  const bytes = make({ target, chain: [signer, between, root], ...parts });
  return verifyNotation(parse(bytes), target, { certificates: trusted, identities }, now);
}

const certified = new Map<string, Certified>();

/** Signed by a certificate with these lines. */
function by(name: string, extensions: readonly string[], rest: object = {}): Partial<NotationParts> {
  const made = certified.get(name) ?? certify(directory, name, { by: between, extensions, ...rest });
  certified.set(name, made);
  return { chain: [made, between, root] };
}

for (const each of forms) {
  test(`${each.form}: a chain to a trusted certificate, which may be any of it`, { skip }, () => {
    const until = Math.min(...[signer, between, root].map((each) => each.certificate.validToDate.getTime()));
    for (const { certificate } of [root, between, signer])
      assert.equal(check(each, {}, { trusted: [certificate] }), until);
  });

  test(`${each.form}: each algorithm, and no other for its key`, { skip }, () => {
    for (const kind of ["P-256", "P-384", "P-521", 2048, 3072] as const) {
      const parts = by(`signer-${kind}`, codeSigner, { kind });
      assert.ok(check(each, parts) > 0, String(kind));
      const algorithm = kind === "P-256" ? "ES384" : "ES256";
      assert.throws(() => check(each, { ...parts, algorithm }), /algorithm that is not its key's/);
    }
  });

  test(`${each.form}: another image, size or type`, { skip }, () => {
    const wrong = [
      { ...target, size: 8 },
      { ...target, mediaType: mediaTypes.ociIndex },
      { digest: target.digest },
    ];
    for (const wrongTarget of wrong)
      assert.throws(() => check(each, { target: wrongTarget }), /is over another image/);
  });
}

const [jws, cose] = forms;

const bad: readonly [what: string, parts: () => Partial<NotationParts>, reason: RegExp][] = [
  ["no chain", () => ({ chain: [signer] }), /did not issue the one before/],
  ["a chain in another order", () => ({ chain: [signer, root, between] }), /did not issue/],
  [
    "a certificate for servers",
    () => by("tls", [codeSigner[0]!, "extendedKeyUsage=serverAuth"]),
    /not for signing code/,
  ],
  [
    "a certificate for all",
    () => by("all", [codeSigner[0]!, "extendedKeyUsage=codeSigning,anyExtendedKeyUsage"]),
    /not for signing code/,
  ],
  ["no key usage", () => by("plain", [codeSigner[1]!]), /key usage is not to sign/],
  [
    "a key usage not marked critical",
    () => by("lax", ["keyUsage=digitalSignature"]),
    /key usage is not to sign/,
  ],
  [
    "a key for more",
    () => by("more", ["keyUsage=critical,digitalSignature,keyEncipherment"]),
    /and that alone/,
  ],
  ["an authority's key", () => ({ chain: [between, root] }), /is by an authority's certificate/],
  [
    "a certificate signed with SHA-1",
    () => by("sha1", codeSigner, { hash: "sha1" }),
    /not signed with SHA-2/,
  ],
  [
    "an issuer that is no authority",
    () => {
      const own = certify(directory, "own", { by: signer, extensions: codeSigner });
      return { chain: [own, signer, between, root] };
    },
    /no authority|did not issue/,
  ],
  [
    "more authorities than permitted",
    () => {
      const short = certify(directory, "short", {
        extensions: ["basicConstraints=critical,CA:TRUE,pathlen:0", authority[1]!],
      });
      const next = certify(directory, "next", { by: short });
      return { chain: [certify(directory, "far", { by: next, extensions: codeSigner }), next, short] };
    },
    /more certificates between/,
  ],
  [
    "a root of nobody's",
    () => ({ chain: [certify(directory, "nobody", { extensions: codeSigner })] }),
    /none of the trusted/,
  ],
  ["nine certificates", () => ({ chain: Array.from({ length: 9 }, () => signer) }), /a chain of 9/],
];
for (const [what, parts, reason] of bad) {
  test(`refused: ${what}`, { skip }, () => {
    assert.throws(() => check(jws, parts()), { kind: "unauthorized", message: reason });
  });
}

const [scheme, expiry] = ["io.cncf.notary.signingScheme", "io.cncf.notary.expiry"];
const attributes: readonly [attributes: Record<string, unknown>, reason: RegExp][] = [
  [{ [scheme!]: "notary.x509.signingAuthority" }, /scheme other than notary\.x509/],
  [{ crit: [] }, /not marked as critical/],
  [
    { crit: [scheme, "io.cncf.notary.verificationPlugin"], "io.cncf.notary.verificationPlugin": "p" },
    /verificationPlugin/,
  ],
  [{ crit: [scheme, expiry] }, /not supported: io\.cncf\.notary\.expiry/],
];
for (const [given, reason] of attributes) {
  test(`refused: attributes ${JSON.stringify(given)}`, { skip }, () => {
    for (const form of forms) assert.throws(() => check(form, { attributes: given }), reason);
  });
}

test("a signature that expires, and its certificates", { skip }, () => {
  const soon = Math.floor(Date.now() / 1000) + 60;
  const crit = [scheme, expiry];
  const written = [
    [jws, new Date(soon * 1000).toISOString(), "tomorrow"],
    [cose, new CborTag(1, soon), "2099-01-01T00:00:00Z"],
  ] as const;
  for (const [form, time, noTime] of written) {
    const given = { attributes: { crit, [expiry!]: time } };
    assert.equal(check(form, given), soon * 1000);
    assert.throws(() => check(form, given, { now: soon * 1000 }), /has expired/);
    assert.throws(() => check(form, { attributes: { [expiry!]: time } }), /not marked as critical/);
    assert.throws(() => check(form, { attributes: { crit, [expiry!]: noTime } }), /has expired/);
  }
  const { validFromDate, validToDate } = root.certificate;
  for (const now of [validFromDate.getTime() - 1, validToDate.getTime() + 86_400_000])
    assert.throws(() => check(jws, {}, { now }), /not valid at this time/);
});

test("who signed must be one of those named, where some are", { skip }, () => {
  const of = (...identities: string[][]) => check(jws, {}, { identities });
  assert.ok(of(["CN=signer"]) > 0);
  assert.ok(of(["CN=nobody"], ["O=Example", "C=US"]) > 0);
  assert.throws(() => of(["O=Example", "CN=other"]), /is by C=US, O=Example, CN=signer, who is none/);
  assert.throws(() => of(["O=Exam"]), /who is none/);
});

test("a byte more or less, and no envelope at all", { skip }, () => {
  for (const { parse, make } of forms) {
    const good = make({ target, chain: [signer, between, root] });
    const verify = (bytes: Buffer) =>
      verifyNotation(parse(bytes), target, { certificates: [root.certificate], identities: [] }, Date.now());
    assert.ok(verify(good) > 0);
    const bytes = [
      Buffer.of(),
      Buffer.from("null"),
      Buffer.from("{}"),
      randomBytes(100),
      good.subarray(0, -1),
    ];
    for (const each of bytes) assert.throws(() => verify(each), { name: "Failure" });
    // Every change is either refused or, in what is not signed, changes nothing.
    for (let at = 0; at < good.length; at += 37) {
      const changed = Buffer.from(good);
      changed[at]! ^= 1;
      try {
        assert.ok(verify(changed) > 0);
      } catch (error) {
        assert.equal((error as Error).name, "Failure", String(error));
      }
    }
  }
});
