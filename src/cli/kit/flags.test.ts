import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import type { Flags } from "./command.ts";
import { FlagError, parseFlags } from "./flags.ts";

const table = {
  all: { kind: "boolean", short: "a", help: "" },
  rm: { kind: "boolean", help: "" },
  trunc: { kind: "boolean", default: true, help: "" },
  interactive: { kind: "boolean", short: "i", help: "" },
  tty: { kind: "boolean", short: "t", help: "" },
  name: { kind: "string", short: "n", help: "" },
  driver: { kind: "string", values: ["overlay2", "vfs"], default: "overlay2", env: "X_DRIVER", help: "" },
  env: { kind: "list", short: "e", help: "" },
  label: { kind: "map", short: "l", help: "" },
  memory: { kind: "bytes", short: "m", help: "" },
  cpus: { kind: "number", help: "" },
  last: { kind: "number", integer: true, help: "" },
} satisfies Flags;

/** What differs from an empty command line, and the positional arguments. */
function outcome(line: string, stopAtFirst = false): unknown {
  const words = line === "" ? [] : line.split(" ").map((word) => (word === "''" ? "" : word));
  const { values, given, positional, help } = parseFlags(table, words, { stopAtFirst });
  if (help) return "help";
  const set: Record<string, unknown> = {};
  for (const name of given)
    set[name] = values[name] instanceof Map ? [...(values[name] as Map<string, string>)] : values[name];
  return { ...set, _: positional.join(" ") };
}

describe("flags are read by pflag's rules", () => {
  const cases: readonly [line: string, wanted: unknown][] = [
    ["", { _: "" }],
    ["a b", { _: "a b" }],
    ["--all", { all: true, _: "" }],
    ["--all=false", { all: false, _: "" }],
    ["--all=T x", { all: true, _: "x" }],
    ["--all false", { all: true, _: "false" }],
    ["--trunc=0", { trunc: false, _: "" }],
    ["-a", { all: true, _: "" }],
    ["-it", { interactive: true, tty: true, _: "" }],
    ["-it=false", { interactive: true, tty: false, _: "" }],
    ["-a=false", { all: false, _: "" }],
    ["-eA=1", { env: ["A=1"], _: "" }],
    ["-e A=1 -e B", { env: ["A=1", "B"], _: "" }],
    ["-e=A=1", { env: ["A=1"], _: "" }],
    ["-iteA=1 x", { interactive: true, tty: true, env: ["A=1"], _: "x" }],
    ["-ite A=1 x", { interactive: true, tty: true, env: ["A=1"], _: "x" }],
    ["--name x", { name: "x", _: "" }],
    ["--name=x", { name: "x", _: "" }],
    ["--name=", { name: "", _: "" }],
    ["--name ''", { name: "", _: "" }],
    ["--name=a=b", { name: "a=b", _: "" }],
    ["--name --all", { name: "--all", _: "" }],
    ["-n -", { name: "-", _: "" }],
    ["--name a --name b", { name: "b", _: "" }],
    ["-nfoo", { name: "foo", _: "" }],
    ["a --all b", { all: true, _: "a b" }],
    ["--all -- --rm -x", { all: true, _: "--rm -x" }],
    ["- a", { _: "- a" }],
    ["-m 512m", { memory: 536870912, _: "" }],
    ["-m1.5g", { memory: 1610612736, _: "" }],
    ["--cpus 1.5", { cpus: 1.5, _: "" }],
    ["--cpus=.5", { cpus: 0.5, _: "" }],
    ["--last -1", { last: -1, _: "" }],
    [
      "-l a=b=c -l d -l a=e",
      {
        label: [
          ["a", "e"],
          ["d", ""],
        ],
        _: "",
      },
    ],
    ["--driver vfs", { driver: "vfs", _: "" }],
    ["--help --nonsense", "help"],
    ["-h", "help"],
    ["-ah", "help"],
    ["--name --help", { name: "--help", _: "" }],
  ];
  for (const [line, wanted] of cases) {
    test(`[${line}]`, () => assert.deepEqual(outcome(line), wanted));
  }

  const stopping: readonly [line: string, wanted: unknown][] = [
    ["--rm -it alpine ls -la --all", { rm: true, interactive: true, tty: true, _: "alpine ls -la --all" }],
    ["--rm=false -e A=1 alpine sh -c -e", { rm: false, env: ["A=1"], _: "alpine sh -c -e" }],
    ["-- alpine -x", { _: "alpine -x" }],
    ["alpine -- x", { _: "alpine -- x" }],
    ["alpine --help", { _: "alpine --help" }],
  ];
  for (const [line, wanted] of stopping) {
    test(`[${line}] of a command that stops at the first argument`, () => {
      assert.deepEqual(outcome(line, true), wanted);
    });
  }
});

describe("wrong flags are told in the words of Docker's CLI", () => {
  const cases: readonly [line: string, message: string][] = [
    ["--bogus", "unknown flag: --bogus"],
    ["--bogus=3", "unknown flag: --bogus"],
    ["--al", "unknown flag: --al\n\nDid you mean --all?"],
    ["--tunrc", "unknown flag: --tunrc\n\nDid you mean --trunc?"],
    ["-Z", "unknown shorthand flag: 'Z' in -Z"],
    ["-itZn", "unknown shorthand flag: 'Z' in -Zn"],
    ["--name", "flag needs an argument: --name"],
    ["-n", "flag needs an argument: 'n' in -n"],
    ["-itn", "flag needs an argument: 'n' in -n"],
    [
      "--all=maybe",
      'invalid argument "maybe" for "-a, --all" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    ["--rm=", 'invalid argument "" for "--rm" flag: strconv.ParseBool: parsing "": invalid syntax'],
    ["-m zz", 'invalid argument "zz" for "-m, --memory" flag: invalid size: \'zz\''],
    ["--last x", 'invalid argument "x" for "--last" flag: strconv.ParseInt: parsing "x": invalid syntax'],
    [
      "--last 1.5",
      'invalid argument "1.5" for "--last" flag: strconv.ParseInt: parsing "1.5": invalid syntax',
    ],
    [
      "--last 99999999999999999999",
      'invalid argument "99999999999999999999" for "--last" flag: strconv.ParseInt: parsing "99999999999999999999": value out of range',
    ],
    ["--cpus x", 'invalid argument "x" for "--cpus" flag: strconv.ParseFloat: parsing "x": invalid syntax'],
    ["--driver aufs", 'invalid argument "aufs" for "--driver" flag: must be one of overlay2, vfs'],
    ["-l =x", 'invalid argument "=x" for "-l, --label" flag: invalid key=value: the key is empty'],
    ["---all", "bad flag syntax: ---all"],
    ["--=x", "bad flag syntax: --=x"],
    ["--__proto__", "unknown flag: --__proto__"],
    ["--constructor", "unknown flag: --constructor"],
  ];
  for (const [line, message] of cases) {
    test(`[${line}]`, () => assert.throws(() => outcome(line), { name: "FlagError", message }));
  }
});

describe("defaults, environment, required flags", () => {
  test("defaults hold where nothing is given", () => {
    const { values, given } = parseFlags(table, []);
    assert.deepEqual(
      { ...values, label: (values["label"] as Map<string, string>).size },
      {
        all: false,
        rm: false,
        trunc: true,
        interactive: false,
        tty: false,
        name: undefined,
        driver: "overlay2",
        env: [],
        label: 0,
        memory: undefined,
        cpus: undefined,
        last: undefined,
      },
    );
    assert.equal(given.size, 0);
  });

  test("the environment gives a value, the command line a stronger one, empty counts as unset", () => {
    const driver = (words: string[], value: string): unknown =>
      parseFlags(table, words, { env: { X_DRIVER: value } }).values["driver"];
    assert.equal(driver([], "vfs"), "vfs");
    assert.equal(driver(["--driver=overlay2"], "vfs"), "overlay2");
    assert.equal(driver([], ""), "overlay2");
    assert.throws(() => driver([], "aufs"), {
      message: /^invalid argument "aufs" for \$X_DRIVER: must be one of/,
    });
  });

  test("missing required flags are all named", () => {
    const required: Flags = {
      a: { kind: "string", required: true, help: "" },
      b: { kind: "number", required: true, help: "" },
    };
    assert.throws(() => parseFlags(required, []), { message: 'required flag(s) "a", "b" not set' });
    assert.deepEqual({ ...parseFlags(required, ["--a=", "--b=0"]).values }, { a: "", b: 0 });
  });

  test("two parses of one table do not share lists", () => {
    parseFlags(table, ["-e", "A"]);
    assert.deepEqual(parseFlags(table, ["-e", "B"]).values["env"], ["B"]);
  });
});

test("whatever the words, parsing ends in values or a FlagError, and loses no argument", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "--all",
      "-it",
      "--name",
      "-e",
      "--",
      "-",
      "--name=x",
      "-eA=1",
      "x",
      "--bogus",
      "-",
      "-Z",
      "--=",
      "",
    ),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), fc.boolean(), (words, stopAtFirst) => {
      try {
        const { positional } = parseFlags(table, words, { stopAtFirst });
        // Arguments keep their order: they are a subsequence of the words.
        let at = -1;
        for (const argument of positional) assert.ok((at = words.indexOf(argument, at + 1)) >= 0);
        if (stopAtFirst)
          assert.deepEqual(positional, positional.length === 0 ? [] : words.slice(-positional.length));
      } catch (error) {
        assert.ok(error instanceof FlagError, String(error));
      }
    }),
  );
});

test("a flag whose value may be absent takes no word: its value needs `=`", () => {
  const table = { squash: { kind: "string", bare: "all", help: "" } } as const;
  const parse = (line: string): unknown[] => {
    const { values, given, positional } = parseFlags(table, line.split(" "));
    return [values["squash"], given.has("squash"), positional.join(" ")];
  };
  assert.deepEqual(parse("--squash ."), ["all", true, "."]);
  assert.deepEqual(parse("--squash=2..3 ."), ["2..3", true, "."]);
  assert.deepEqual(parse("."), [undefined, false, "."]);
});

test("a flag that is refused says why, whatever follows it", () => {
  const refusing = {
    gpus: { kind: "string", bare: "", help: "", refused: "there are none" },
  } satisfies Flags;
  for (const words of [["--gpus"], ["--gpus=all"], ["--gpus", "all"]]) {
    assert.throws(() => parseFlags(refusing, words), /^FlagError: --gpus is not supported: there are none$/);
  }
});
