import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { chooseChallenge, parseChallenges, type Challenge } from "./challenge.ts";

const cases: readonly [string | undefined, Challenge[]][] = [
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
    [
      {
        scheme: "bearer",
        parameters: {
          realm: "https://auth.docker.io/token",
          service: "registry.docker.io",
          scope: "repository:a/b:pull,push",
        },
      },
    ],
  ],
  ['Basic realm="a \\"b\\", c"', [{ scheme: "basic", parameters: { realm: 'a "b", c' } }]],
  ["BASIC Realm = x", [{ scheme: "basic", parameters: { realm: "x" } }]],
  [
    'Negotiate, Basic realm="x", Bearer realm="y"',
    [
      { scheme: "negotiate", parameters: {} },
      { scheme: "basic", parameters: { realm: "x" } },
      { scheme: "bearer", parameters: { realm: "y" } },
    ],
  ],
  ['realm="no scheme"', []],
  [
    'Bearer realm="unclosed',
    [
      { scheme: "bearer", parameters: { realm: "" } },
      { scheme: "unclosed", parameters: {} },
    ],
  ],
  ["", []],
  [undefined, []],
];
for (const [header, expected] of cases) {
  test(`challenges of ${header}`, () => assert.deepEqual(parseChallenges(header), expected));
}

test("Bearer goes before Basic, and others are not met", () => {
  assert.equal(chooseChallenge('Basic realm="x", Bearer realm="y"')?.scheme, "bearer");
  assert.equal(chooseChallenge('Digest realm="x", Basic realm="y"')?.scheme, "basic");
  assert.equal(chooseChallenge('Digest realm="x"'), undefined);
});

test("parameters survive being written and read, and no header makes it throw", () => {
  const value = fc.string().filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(value, value, (realm, scope) => {
      const quote = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;
      const header = `Bearer realm=${quote(realm)}, scope=${quote(scope)}`;
      assert.deepEqual(parseChallenges(header), [{ scheme: "bearer", parameters: { realm, scope } }]);
      parseChallenges(realm + scope);
    }),
  );
});
