/** The table in test/fixtures/go_templates.jsonl was printed by Go's text/template with the functions of Docker's CLI. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { isFailure } from "../../errors.ts";
import { compileTemplate } from "./go_template.ts";

interface Case {
  readonly template: string;
  readonly output?: string;
  readonly error?: string;
}

const [first, ...lines] = readFileSync(
  join(import.meta.dirname, "../../../test/fixtures/go_templates.jsonl"),
  "utf8",
)
  .trimEnd()
  .split("\n");
const { data } = JSON.parse(first as string) as { data: unknown };
const cases = lines.map((line) => JSON.parse(line) as Case);

describe("templates give what Go gives", () => {
  for (const { template, output, error } of cases) {
    test(JSON.stringify(template), () => {
      if (error === undefined) {
        assert.equal(compileTemplate(template)(data), output);
        return;
      }
      assert.throws(() => compileTemplate(template)(data), {
        name: "Failure",
        kind: "invalid",
        message: `template parsing error: ${error}`,
      });
    });
  }
});

describe("Docker's records", () => {
  test("an unknown field of a typed row is told in Docker's words", () => {
    assert.throws(() => compileTemplate("{{.Foo}}")({ ID: "a" }, { typeName: "*formatter.imageContext" }), {
      message:
        'template parsing error: template: :1:2: executing "" at <.Foo>: can\'t evaluate field Foo in type *formatter.imageContext',
    });
  });

  test("a missing label prints <no value>, also where there are no labels", () => {
    const render = compileTemplate("{{.Config.Labels.foo}}");
    assert.equal(render({ Config: { Labels: { bar: "1" } } }), "<no value>");
    assert.equal(render({ Config: { Labels: null } }), "<no value>");
    assert.equal(compileTemplate('{{index .Config.Labels "x"}}|')({ Config: { Labels: null } }), "|");
  });

  test("a Map is a Go map", () => {
    const value = {
      M: new Map([
        ["b", 2],
        ["a", 1],
      ]),
    };
    assert.equal(
      compileTemplate("{{.M}} {{.M.b}} {{.M.c}} {{len .M}}")(value),
      "map[a:1 b:2] 2 <no value> 2",
    );
  });

  test("members of Object.prototype are no fields", () => {
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
      assert.throws(() => compileTemplate(`{{.${name}}}`)({}), {
        kind: "invalid",
        message: /map has no entry/,
      });
    }
    const own = JSON.parse('{"toString":"mine","__proto__":"too"}') as object;
    assert.equal(compileTemplate("{{.toString}} {{.__proto__}}")(own), "mine too");
  });

  test("a getter is called only when its field is asked for", () => {
    let calls = 0;
    const row = {
      get Size() {
        calls++;
        return "1MB";
      },
    };
    assert.equal(compileTemplate("x")(row), "x");
    assert.equal(calls, 0);
    assert.equal(compileTemplate("{{.Size}}")(row), "1MB");
    assert.equal(calls, 1);
  });

  test("a function of a row is called with the arguments", () => {
    const row = { Label: (name: string) => `<${name}>` };
    assert.equal(
      compileTemplate('{{.Label "a.b"}} {{"x" | .Label}} {{upper (.Label "y")}}')(row),
      "<a.b> <x> <Y>",
    );
    assert.throws(() => compileTemplate("{{.Label}}")(row), {
      message: /wrong number of args for Label: want 1 got 0/,
    });
  });
});

test("a compiled template may be used many times and keeps no state", () => {
  const render = compileTemplate("{{$x := .A}}{{range .L}}{{$x = .}}{{end}}{{$x}}");
  assert.equal(render({ A: 1, L: [2, 3] }), "3");
  assert.equal(render({ A: 1, L: [] }), "1");
});

test("nesting is bounded", () => {
  const deep = `${"{{if true}}".repeat(300)}${"{{end}}".repeat(300)}`;
  assert.throws(() => compileTemplate(deep), { kind: "invalid", message: /nested deeper/ });
  const parens = `{{${"(".repeat(50_000)}1${")".repeat(50_000)}}}`;
  assert.throws(() => compileTemplate(parens), { kind: "invalid", message: /nested deeper/ });
});

test("a range over a number is bounded", () => {
  assert.equal(compileTemplate("{{range 1000}}x{{end}}")({}).length, 1000);
  for (const number of ["1e12", "1.5"]) {
    assert.throws(() => compileTemplate(`{{range ${number}}}x{{end}}`)({}), {
      message: /range can't iterate over/,
    });
  }
});

test("any text is either a template or an invalid failure", () => {
  const piece = fc.constantFrom(
    ...'{{ }} {{- -}} . .A .B $ $x := = | ( ) , "s" ` \' 1 -3 0x1 if else end range with break nil true json index len'.split(
      " ",
    ),
    " ",
    "/*",
    "*/",
    "text",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
      try {
        assert.equal(typeof compileTemplate(pieces.join(""))({ A: [1], B: null }), "string");
      } catch (error) {
        assert.ok(isFailure(error, "invalid"), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
