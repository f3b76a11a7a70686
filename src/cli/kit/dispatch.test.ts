/** Texts were taken from Docker's CLI 28.2.2 with the program's name changed. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { program } from "../../../test/support/sample_program.ts";
import { dispatch } from "./dispatch.ts";
import { UsageError } from "./usage_error.ts";

const helpOf = (line: string, width?: number): string => {
  const found = dispatch(program, line.split(" ").filter(Boolean), width === undefined ? {} : { width });
  assert.ok(found.kind === "help");
  return found.text;
};

const runOf = (
  line: string,
  env = {},
): { name: string; root: unknown; args: string; flags: Record<string, unknown> } => {
  const found = dispatch(program, line.split(" "), { env });
  assert.ok(found.kind === "run");
  return {
    name: found.command.name,
    root: found.globals["root"],
    args: found.args.join(" "),
    flags: found.flags,
  };
};

describe("help", () => {
  test("of a command has Docker's layout, then the examples", () => {
    assert.equal(
      helpOf("pull --help"),
      `Usage:  varve pull [OPTIONS] NAME[:TAG|@DIGEST]

Download an image from a registry

Aliases:
  varve image pull, varve pull

Options:
  -a, --all-tags                Download all tagged images in the repository
      --disable-content-trust   Skip image verification (default true)
      --platform string         Set platform if server is multi-platform
                                capable
  -q, --quiet                   Suppress verbose output

Global Options:
      --debug         Enable debug mode
      --root string   Data root [$VARVE_ROOT] (default "/data")

Examples:
  # The newest of a tag
  $ varve pull alpine:3.20

  # Another platform
  $ varve pull --platform linux/arm64 alpine
`,
    );
  });

  test("is not wrapped on a wide terminal", () => {
    assert.match(helpOf("pull --help", 200), /multi-platform capable\n/);
  });

  test("of a group lists its commands", () => {
    const text = `Usage:  varve system COMMAND

Manage varve

Commands:
  df          Show disk usage

Run 'varve system COMMAND --help' for more information on a command.
`;
    assert.equal(helpOf("system"), text);
    assert.equal(helpOf("system --help"), text);
  });

  test("of the program lists sections, and nothing hidden", () => {
    const text = `Usage:  varve [OPTIONS] COMMAND

Layered images

Common Commands:
  pull        Download an image from a registry

Management Commands:
  system      Manage varve
  image       Manage images

Commands:
  run         Create and run a new container from an image
  tag         Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE

Global Options:
      --debug         Enable debug mode
      --root string   Data root [$VARVE_ROOT] (default "/data")

Run 'varve COMMAND --help' for more information on a command.
`;
    assert.equal(helpOf(""), text);
    assert.equal(helpOf("--help"), text);
    assert.equal(helpOf("--root /x"), text);
  });

  test("--version and -v print the version", () => {
    assert.equal(helpOf("--version"), "varve version 0.1.0\n");
    assert.equal(helpOf("-v"), "varve version 0.1.0\n");
  });
});

describe("commands are found", () => {
  test("by path and by alias", () => {
    assert.equal(runOf("pull alpine").name, "pull");
    assert.equal(runOf("image pull alpine").name, "pull");
    assert.equal(runOf("system df -v").name, "system df");
  });

  test("global flags stand before or after, the later is stronger; the environment is weakest", () => {
    assert.equal(runOf("pull alpine").root, "/data");
    assert.equal(runOf("--root /a pull alpine").root, "/a");
    assert.equal(runOf("pull --root /b alpine").root, "/b");
    assert.equal(runOf("--root=/a pull alpine --root=/b").root, "/b");
    assert.equal(runOf("pull alpine", { VARVE_ROOT: "/env" }).root, "/env");
    assert.equal(runOf("--root /a pull alpine", { VARVE_ROOT: "/env" }).root, "/a");
  });

  test("run hands on what follows the image", () => {
    const found = runOf("run --rm -it=false alpine ls -la --root".replace("-it=false", "-i=false"));
    assert.equal(found.args, "alpine ls -la --root");
    assert.deepEqual([found.flags["rm"], found.flags["interactive"]], [true, false]);
  });
});

describe("wrong command lines are answered as by Docker's CLI", () => {
  const cases: readonly [line: string, code: number, text: string][] = [
    [
      "pull --bogus a",
      125,
      "unknown flag: --bogus\n\nUsage:  varve pull [OPTIONS] NAME[:TAG|@DIGEST]\n\nRun 'varve pull --help' for more information",
    ],
    [
      "pull",
      1,
      "varve: 'varve pull' requires 1 argument\n\nUsage:  varve pull [OPTIONS] NAME[:TAG|@DIGEST]\n\nRun 'varve pull --help' for more information",
    ],
    [
      "pull a b",
      1,
      "varve: 'varve pull' requires 1 argument\n\nUsage:  varve pull [OPTIONS] NAME[:TAG|@DIGEST]\n\nRun 'varve pull --help' for more information",
    ],
    [
      "tag a",
      1,
      "varve: 'varve tag' requires 2 arguments\n\nUsage:  varve tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]\n\nRun 'varve tag --help' for more information",
    ],
    [
      "run",
      1,
      "varve: 'varve run' requires at least 1 argument\n\nUsage:  varve run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'varve run --help' for more information",
    ],
    [
      "system df x",
      1,
      "varve: 'varve system df' accepts no arguments\n\nUsage:  varve system df [OPTIONS]\n\nRun 'varve system df --help' for more information",
    ],
    [
      "save -o x a b c d",
      1,
      "varve: 'varve save' requires at most 3 arguments\n\nUsage:  varve save [OPTIONS] IMAGE\n\nRun 'varve save --help' for more information",
    ],
    [
      "save a",
      125,
      "required flag(s) \"output\" not set\n\nUsage:  varve save [OPTIONS] IMAGE\n\nRun 'varve save --help' for more information",
    ],
    [
      "run -i -d a",
      125,
      "conflicting options: --interactive and --detach\n\nUsage:  varve run [OPTIONS] IMAGE [COMMAND] [ARG...]\n\nRun 'varve run --help' for more information",
    ],
    ["nonsense", 1, "varve: unknown command: varve nonsense\n\nRun 'varve --help' for more information"],
    [
      "pul a",
      1,
      "varve: unknown command: varve pul\n\nDid you mean 'varve pull'?\n\nRun 'varve --help' for more information",
    ],
    [
      "system fd",
      1,
      "varve: unknown command: varve system fd\n\nUsage:  varve system COMMAND\n\nDid you mean 'varve system df'?\n\nRun 'varve system --help' for more information",
    ],
    [
      "--bogus pull a",
      125,
      "unknown flag: --bogus\n\nUsage:  varve [OPTIONS] COMMAND\n\nRun 'varve --help' for more information",
    ],
    ["__proto__", 1, "varve: unknown command: varve __proto__\n\nRun 'varve --help' for more information"],
  ];
  for (const [line, code, text] of cases) {
    test(`[${line}]`, () => {
      assert.throws(
        () => dispatch(program, line.split(" ")),
        (error) => {
          assert.ok(error instanceof UsageError);
          assert.deepEqual([error.text, error.exitCode], [text, code]);
          return true;
        },
      );
    });
  }
});
