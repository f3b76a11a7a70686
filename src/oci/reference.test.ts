import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { isFailure } from "../errors.ts";
import {
  familiarName,
  familiarReference,
  formatReference,
  isIdentifier,
  parseReference,
  repositoryOf,
  withDefaultTag,
  type Reference,
} from "./reference.ts";

const fixture = join(import.meta.dirname, "../../test/fixtures/references.txt");

function expand(text: string): string {
  return text
    .replaceAll("<HEX>", "a".repeat(64))
    .replace(/<A\*(\d+)>/g, (_, count: string) => "a".repeat(Number(count)))
    .replaceAll("<EMPTY>", "")
    .replaceAll("\\n", "\n");
}

const rows = readFileSync(fixture, "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => line.split(" | ") as [string, string]);

describe("parseReference reads references as Docker does (B091)", () => {
  for (const [input, outcome] of rows) {
    test(`${input} gives ${outcome}`, () => {
      const wanted = expand(outcome);
      if (wanted.startsWith("error: ")) {
        assert.throws(() => parseReference(expand(input)), {
          name: "Failure",
          kind: "invalid",
          message: wanted.slice("error: ".length),
        });
        return;
      }
      const ref = parseReference(expand(input));
      const shown = [
        `${ref.domain} ${ref.path}`,
        ...(ref.tag === undefined ? [] : [`tag=${ref.tag}`]),
        ...(ref.digest === undefined ? [] : [`digest=${ref.digest}`]),
        `familiar=${familiarReference(ref)}`,
      ].join(" ");
      assert.equal(shown, wanted);
    });
  }

  test("the table holds good and bad references", () => {
    const bad = rows.filter(([, outcome]) => outcome.startsWith("error: ")).length;
    assert.ok(bad > 30 && rows.length - bad > 30, `${rows.length} rows, ${bad} bad`);
  });
});

const component = fc.stringMatching(/^[a-z0-9]{1,6}((\.|__?|-{1,3})[a-z0-9]{1,5}){0,2}$/);
const host = fc.oneof(
  fc.constant("docker.io"),
  fc.constant("localhost"),
  fc.stringMatching(/^[a-zA-Z0-9]{1,8}(\.[a-zA-Z0-9]{1,5}){1,2}$/),
  fc.stringMatching(/^[a-z0-9]{1,8}:[0-9]{1,5}$/),
  fc.stringMatching(/^\[[a-f0-9]{0,4}:[a-f0-9:]{1,12}\](:[0-9]{1,5})?$/),
);

const reference: fc.Arbitrary<Reference> = fc
  .record({
    domain: host.filter((domain) => domain !== "index.docker.io"),
    components: fc.array(component, { minLength: 1, maxLength: 4 }),
    tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,12}$/), { nil: undefined }),
    hex: fc.option(fc.stringMatching(/^[0-9a-f]{64}$/), { nil: undefined }),
  })
  .map(({ domain, components, tag, hex }) => ({
    domain,
    // Hub paths of one component stand for library/...
    path: (domain === "docker.io" && components.length === 1 ? ["library", ...components] : components).join(
      "/",
    ),
    ...(tag === undefined ? {} : { tag }),
    ...(hex === undefined ? {} : { digest: `sha256:${hex}` as const }),
  }));

describe("formatting", () => {
  test("the full form is read back to the same reference", () => {
    fc.assert(
      fc.property(reference, (ref) => {
        assert.deepEqual(parseReference(formatReference(ref)), ref);
      }),
    );
  });

  test("the short form is read back to the same reference", () => {
    fc.assert(
      fc.property(reference, (ref) => {
        // A lone 64-digit component is an ID and no name; the generator cannot make one, as components are short.
        assert.deepEqual(parseReference(familiarReference(ref)), ref);
      }),
    );
  });

  test("any text gives a reference that formats stably, or an invalid failure", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[aA0:@/._[\]-]{0,20}$/)), (text) => {
        let ref: Reference;
        try {
          ref = parseReference(text);
        } catch (error) {
          assert.ok(isFailure(error, "invalid"), String(error));
          return;
        }
        assert.deepEqual(parseReference(formatReference(ref)), ref);
      }),
    );
  });

  test("repositoryOf and familiarName leave tag and digest out", () => {
    const ref = parseReference(`alpine:3.20@sha256:${"b".repeat(64)}`);
    assert.equal(repositoryOf(ref), "docker.io/library/alpine");
    assert.equal(familiarName(ref), "alpine");
    assert.equal(familiarName(parseReference("host:5000/a/b:c")), "host:5000/a/b");
  });
});

test("withDefaultTag adds latest only to a reference without tag and digest", () => {
  assert.equal(withDefaultTag(parseReference("alpine")).tag, "latest");
  assert.equal(withDefaultTag(parseReference("alpine:edge")).tag, "edge");
  assert.equal(withDefaultTag(parseReference(`alpine@sha256:${"c".repeat(64)}`)).tag, undefined);
});

test("isIdentifier takes exactly 64 lower case hex digits", () => {
  assert.ok(isIdentifier("0123456789abcdef".repeat(4)));
  for (const text of ["a".repeat(63), "a".repeat(65), "A".repeat(64), "g".repeat(64)])
    assert.ok(!isIdentifier(text));
});

test("a megabyte of hostile text fails at once", () => {
  for (const text of [
    "a-".repeat(500_000),
    "a.".repeat(500_000) + "/x",
    "a/".repeat(500_000),
    "-".repeat(1_000_000),
  ]) {
    assert.throws(
      () => parseReference(text),
      (error) => isFailure(error, "invalid"),
    );
  }
});
