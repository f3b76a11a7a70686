import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isFailure } from "../../../errors.ts";
import { ConfigFields } from "../config_fields.ts";
import { scope } from "../testing.test.ts";
import type { Identity } from "../types.ts";
import { parseRules } from "./parse_rules.ts";
import { matchesName, matchesRepository } from "./pattern.ts";

const rulesOf = (...rules: object[]) => parseRules(new ConfigFields({ rules }, "auth", ["rules"]))!.rules;

const repositories: [pattern: string, fits: string[], doesNot: string[]][] = [
  ["team/*", ["team/a"], ["team", "team/a/b", "teams/a", "x/team/a"]],
  ["team/**", ["team/a", "team/a/b"], ["team", "teams/a"]],
  ["**", ["a", "a/b/c"], []],
  ["**/base", ["a/base", "a/b/base"], ["base", "a/base/x"]],
  ["a/**/z", ["a/b/z", "a/b/c/z"], ["a/z", "a/b"]],
  ["lib*/x-*-y", ["library/x-1-y", "lib/x--y"], ["lib/x-y", "li/x-1-y"]],
  ["${user}/**", ["jo/a"], ["jo", "al/a"]],
  ["${user}", ["jo"], ["jo/a"]],
];

for (const [pattern, fits, doesNot] of repositories) {
  test(`repositories that fit ${pattern}`, () => {
    for (const name of fits) assert.equal(matchesRepository(pattern, name, "jo"), true, name);
    for (const name of doesNot) assert.equal(matchesRepository(pattern, name, "jo"), false, name);
  });
}

test("${user} fits nothing for a name that is no component, and nothing for nobody", () => {
  for (const user of [undefined, "", "**", "*", "Jo", "a/b", "..", "ci:acme"])
    for (const name of ["a/b", "jo/x", "x"])
      assert.equal(matchesRepository("${user}/**", name, user), false, `${user} ${name}`);
});

test("a pattern of a name means what its regular expression means", () => {
  const texts = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 8 });
  fc.assert(
    fc.property(texts, texts, (pattern, name) => {
      const expression = new RegExp(`^${pattern.replaceAll("*", ".*")}$`);
      assert.equal(matchesName(pattern, name), expression.test(name));
    }),
  );
});

const jo: Identity = { user: "jo", groups: ["team"] };
const al: Identity = { user: "al", groups: [] };
const nobody: Identity = { user: undefined, groups: [] };

const rules = rulesOf(
  { everyone: true, repositories: "public/**", actions: "pull" },
  { users: "*", repositories: "${user}/**", actions: "*" },
  { groups: "team", repositories: ["team/**", "public/**"], actions: ["pull", "push"] },
  { users: "al", actions: "catalog" },
  { effect: "deny", everyone: true, repositories: "team/frozen/**", actions: ["push", "delete"] },
  { effect: "deny", users: "jo", repositories: "**/secret", actions: "*" },
);

const table: [who: Identity, name: string, wanted: string, got: string][] = [
  [nobody, "public/a", "pull,push", "pull"],
  [nobody, "team/a", "pull", ""],
  [jo, "public/a", "push,pull", "push,pull"],
  [jo, "public/a", "delete", ""],
  [jo, "jo/x", "pull,push,delete", "pull,push,delete"],
  [jo, "jo/x", "*", "*"],
  [jo, "team/a", "*", "pull,push"],
  [jo, "team/frozen/a", "pull,push", "pull"],
  [jo, "al/x", "pull", ""],
  [jo, "team/secret", "pull", ""],
  [al, "team/a", "pull", ""],
  [al, "al/x/y", "delete", "delete"],
];

for (const [who, name, wanted, got] of table) {
  test(`${who.user ?? "nobody"} wants ${wanted} of ${name}`, () => {
    const asked = scope(name, ...(wanted.split(",") as "pull"[]));
    assert.equal(rules.allowed(who, asked).join(","), got);
    assert.equal(rules.permits(who, [asked]), got === wanted);
  });
}

test("the catalog is an action of its own", () => {
  const catalog = { type: "registry", name: "catalog", actions: ["*"] } as const;
  assert.deepEqual(
    [nobody, jo, al].map((who) => rules.permits(who, [catalog])),
    [false, false, true],
  );
  assert.deepEqual(rules.allowed(al, { ...catalog, name: "other" }), []);
});

test("the order of rules does not matter", () => {
  const list = [
    { everyone: true, repositories: "**", actions: "pull" },
    { users: "jo", repositories: "a/**", actions: "push" },
    { effect: "deny", users: "jo", repositories: "a/b", actions: "pull" },
  ];
  for (const order of [list, list.toReversed()])
    assert.deepEqual(rulesOf(...order).allowed(jo, scope("a/b", "pull", "push")), ["push"]);
});

const mistakes: [rule: object, message: string][] = [
  [{ repositories: "**", actions: "pull" }, "auth.rules[0]: concerns nobody"],
  [{ users: "jo", repositories: "**" }, "auth.rules[0].actions: is missing"],
  [{ users: "jo", actions: "pull" }, "auth.rules[0].repositories: is missing"],
  [
    { users: "jo", repositories: "**", actions: "write" },
    'auth.rules[0].actions: unknown action "write" (known: pull, push, delete, *, catalog)',
  ],
  [
    { users: "jo", repositories: "Team/*", actions: "pull" },
    'auth.rules[0].repositories: no repository can fit "Team/*"',
  ],
  [
    { users: [5], repositories: "**", actions: "pull" },
    "auth.rules[0].users: expected a list of texts, found [5]",
  ],
  [{ everyone: "yes" }, 'auth.rules[0].everyone: expected true or false, found "yes"'],
  [{ effect: "refuse" }, 'auth.rules[0].effect: expected one of allow, deny, found "refuse"'],
  [
    { user: "jo" },
    'auth.rules[0]: unknown key "user" (known: effect, everyone, users, groups, repositories, actions)',
  ],
];

for (const [rule, message] of mistakes) {
  test(`a mistake is named: ${message}`, () => {
    assert.throws(
      () => rulesOf(rule),
      (error) => isFailure(error, "invalid") && error.message === message,
    );
  });
}
