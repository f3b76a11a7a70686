/**
 * Golden folders: test/fixtures/dockerfiles/parse/NAME/{Dockerfile,result.json}. `dockerd` in a result is what dockerd
 * 20.10's classic builder said of that file: its steps, as far as it came, or its error; `differs` is why we do not say
 * the same.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { Failure, isFailure } from "../errors.ts";
import { parseDockerfile } from "./parse_dockerfile.ts";
import type { Dockerfile, Span } from "./types.ts";

interface Result {
  readonly dockerd: { readonly steps?: readonly string[]; readonly error?: string };
  readonly differs?: string;
  readonly steps?: readonly string[];
  readonly error?: string;
}

const root = join(import.meta.dirname, "../../test/fixtures/dockerfiles/parse");
const cases = globSync("*/Dockerfile", { cwd: root }).map((path) => ({
  name: basename(join(path, "..")),
  source: readFileSync(join(root, path)),
  result: JSON.parse(readFileSync(join(root, path, "../result.json"), "utf8")) as Result,
}));

test("B063 B078 every case gives its result", () => {
  assert.ok(cases.length > 100);
  for (const { name, source, result } of cases) {
    const { dockerd: _dockerd, differs: _differs, ...expected } = result;
    assert.deepEqual(resultOf(source), expected, name);
  }
});

test("B063 B078 steps and errors are those of dockerd, or it is written down why not", () => {
  for (const { name, result } of cases) {
    const { dockerd, differs, steps, error } = result;
    const same =
      error === dockerd.error &&
      JSON.stringify(steps?.slice(0, dockerd.steps?.length)) === JSON.stringify(dockerd.steps);
    assert.equal(differs === undefined, same, name);
  }
});

test("B078 the name of the file is in the error and in its place", () => {
  assert.throws(() => parseDockerfile("", { name: "a/b" }), {
    kind: "invalid",
    message: "the Dockerfile (a/b) cannot be empty",
  });
  assert.throws(() => parseDockerfile("FROM scratch\nENV A\n", { name: "a/b" }), {
    message: "failed to parse a/b: ENV must have two arguments",
    hint: "a/b:2:5\n2 | ENV A\n  |     ^",
  });
});

test("of a long line the hint shows the part around the place", () => {
  const line = `COPY ${"a ".repeat(500)}--\t--from=x ${"b ".repeat(500)}/c`;
  const wrong = parseFailure(`FROM scratch\nENV X=1 ${"y=z ".repeat(400)}wrong ${"y=z ".repeat(400)}`);
  const [place, shown = "", caret = ""] = wrong.hint?.split("\n") ?? [];
  assert.equal(place, "Dockerfile:2:1609");
  assert.ok(shown.length < 130);
  const at = caret.indexOf("^");
  assert.equal(shown.slice(at, caret.length), "wrong");
  assert.equal(parseDockerfile(`FROM scratch\n${line}`).stages[0]?.instructions.length, 1);
});

test("text and bytes are the same; what is not UTF-8 is kept as U+FFFD", () => {
  const text = "\uFEFFFROM scratch\nUSER é\n";
  assert.deepEqual(parseDockerfile(text), parseDockerfile(Buffer.from(text)));
  const bytes = Buffer.from("FROM scratch\nUSER a\xa0b\n", "latin1");
  assert.deepEqual(parseDockerfile(bytes).lines, ["FROM scratch", "USER a\uFFFDb"]);
});

test("whatever the input is, it is parsed or refused", () => {
  const words = fc.constantFrom(
    ..."FROM AS scratch RUN COPY ADD ENV ARG ONBUILD HEALTHCHECK CMD NONE SHELL VOLUME EXPOSE LABEL".split(
      " ",
    ),
    ..."\\ ` \n \\\n \r\n # <<EOF <<-'E' EOF E << < [ ] [\"a\"] \" ' = a=b --from=a --mount= --mount=type=cache,".split(
      " ",
    ),
    ..."--link --exclude= --interval=1s -- - $ ${a ${a:-b} } : , \t é 😀 \u0085 \uFEFF \uD800 # escape=` __proto__".split(
      " ",
    ),
    "# escape=`\n",
    "# syntax=a\n",
    " ",
    "\n",
  );
  const input = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(words).map((each) => each.join(" ")),
    fc.array(words).map((each) => each.join("")),
  );
  fc.assert(
    fc.property(input, (text) => {
      for (const source of [text, Buffer.from(text), `FROM scratch\n${text}`]) {
        const parsed = outcome(source);
        if (parsed instanceof Failure) assert.equal(parsed.kind, "invalid");
        else checkSpans(parsed);
      }
    }),
    { numRuns: 2000 },
  );
});

test("much of anything is parsed at once", () => {
  const many = 100_000;
  for (const rest of [
    `RUN ${"x".repeat(many)}`,
    `ENV ${"a=b ".repeat(many)}`,
    `ENV A="${"\\\\ ".repeat(many)}"`,
    `RUN ${"a \\\n".repeat(many)}b`,
    `LABEL a=b${" ".repeat(many)}\n`,
    `CMD ${"[".repeat(many)}`,
    `CMD ["${"a".repeat(many)}"]`,
    `RUN --mount=${"target=/x,".repeat(many)}target=/y z`,
    `RUN <<EOF\n${"\t\n".repeat(many)}EOF`,
    `RUN ${"<<a ".repeat(1000)}\n${"a\n".repeat(1000)}`,
    `EXPOSE ${"1 ".repeat(many)}`,
  ]) {
    assert.equal(
      parseDockerfile(`FROM scratch\n${rest}`).stages[0]?.instructions.length,
      1,
      rest.slice(0, 30),
    );
  }
});

function outcome(source: string | Uint8Array): Dockerfile | Failure {
  try {
    return parseDockerfile(source);
  } catch (error) {
    if (isFailure(error)) return error;
    throw error;
  }
}

function parseFailure(source: string): Failure {
  const parsed = outcome(source);
  assert.ok(parsed instanceof Failure);
  return parsed;
}

/** Instructions follow each other, and each begins with its word. */
function checkSpans({ stages, globalArgs, lines }: Dockerfile): void {
  let line = 0;
  for (const { span, kind } of [
    ...globalArgs,
    ...stages.flatMap((each) => [each.from, ...each.instructions]),
  ]) {
    assert.ok(span.start.line > line && span.end.line >= span.start.line);
    const shown = [...(lines[span.start.line - 1] ?? "")].slice(span.start.column - 1).join("");
    assert.ok(shown.toLowerCase().startsWith(kind.slice(0, 1)), shown);
    line = span.end.line;
  }
}

function resultOf(source: Uint8Array): object {
  const parsed = outcome(source);
  if (parsed instanceof Failure) {
    const { message, hint } = parsed;
    return { error: message, ...(hint === undefined ? {} : { hint: hint.split("\n") }) };
  }
  const { globalArgs, stages, escape, directives, comments, warnings } = parsed;
  const instructions = [...globalArgs, ...stages.flatMap((each) => [each.from, ...each.instructions])];
  return JSON.parse(
    JSON.stringify(
      {
        steps: instructions.map(({ text }) => text),
        escape,
        directives,
        globalArgs,
        stages,
        comments: comments.map(({ line, text }) => `${line}: ${text}`),
        warnings,
      },
      (key, value) => (key === "span" ? shownSpan(value as Span) : value),
    ),
  ) as object;
}

function shownSpan({ start, end }: Span): string {
  return `${start.line}:${start.column}-${end.line}:${end.column}`;
}
