/** How the bundled CLI talks: help, mistakes, completion, JSON, templates, Ctrl-C. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { dispatch } from "../../src/cli/kit/dispatch.ts";
import { program as table } from "../../src/cli/program.ts";
import { scratch } from "../suites/scratch.ts";
import { bundle, json, makeBench, program, runSkip, unless, varveOn } from "./support.ts";

test("every command has help with an example, and help touches no root", async () => {
  for (const { path, aliases = [] } of table.commands) {
    const help = helpOf([...path, "--help"]);
    assert.match(help, /^Usage: {2}varve /, path.join(" "));
    assert.match(help, /\n\nExamples:\n {2}# .*\n {2}\$ .*varve /, path.join(" "));
    assert.ok(
      help.split("\n").every((line) => line.length <= 120 || line.startsWith("  $ ")),
      path.join(" "),
    );
    assert.equal(helpOf(["help", ...path]), help);
    for (const alias of aliases) assert.equal(helpOf([...alias, "--help"]), help);
  }
  for (const group of Object.keys(table.groups)) assert.match(helpOf([group]), /\nCommands:\n/);

  using directory = scratch("usage");
  const root = join(directory.path, "root");
  const varve = varveOn(root);
  assert.equal(`${await varve("run", "--help")}\n`, helpOf(["run", "--help"]));
  assert.equal(`${await varve("--help")}\n`, helpOf([]));
  await varve("completion", "bash");
  await varve("version");
  assert.equal(existsSync(root), false);
});

function helpOf(words: readonly string[]): string {
  const found = dispatch(table, words);
  assert.ok(found.kind === "help", words.join(" "));
  return found.text;
}

test("mistakes are answered in the words and with the exit codes of Docker's CLI", async () => {
  using directory = scratch("usage");
  const varve = varveOn(join(directory.path, "root"));
  const cases: [args: string[], code: number, text: string | RegExp][] = [
    [["bogus"], 1, /^varve: unknown command: varve bogus\n/],
    [["imags"], 1, /Did you mean 'varve images'\?/],
    [
      ["ps", "--bogus"],
      125,
      "unknown flag: --bogus\n\nUsage:  varve ps [OPTIONS]\n\nRun 'varve ps --help' for more information\n",
    ],
    [["images", "-z"], 125, /^unknown shorthand flag: 'z' in -z\n/],
    [["images", "a", "b"], 1, /^varve: 'varve images' requires at most 1 argument\n/],
    [["run"], 1, /^varve: 'varve run' requires at least 1 argument\n/],
    [["cp", "a"], 1, /^varve: 'varve cp' requires 2 arguments\n/],
    [["save"], 1, /requires at least 1 argument/],
    [["history", "missing"], 1, "varve: No such image: missing:latest\n"],
    [["inspect", "missing"], 1, "varve: No such object: missing\n"],
    [["image", "inspect", "missing"], 1, "varve: No such image: missing:latest\n"],
    [["container", "inspect", "missing"], 1, "varve: No such container: missing\n"],
    [["start", "missing"], 1, "varve: No such container: missing\n"],
    [["images", "-f", "bogus=1"], 1, /^varve: Invalid filter 'bogus'\n/],
    [["images", "--format", "{{"], 1, /^varve: template parsing error: template: /],
    [["pull", "Bad/Name"], 1, /invalid reference format/],
    [["--driver", "bogus", "images"], 125, /bogus/],
  ];
  for (const [args, code, text] of cases) {
    const outcome = await varve.run(args);
    assert.equal(outcome.code, code, `${args.join(" ")}: ${outcome.stderr}`);
    if (typeof text === "string") assert.equal(outcome.stderr, text);
    else assert.match(outcome.stderr, text);
  }
});

test("with images and containers in the root", { skip: runSkip }, async (t) => {
  await using bench = await makeBench("usage");
  const { root, varve } = bench;
  await varve("run", "--name", "ended", "-l", "a.b=c", "base:1", "sh", "-c", "echo x > /x");
  await varve("commit", "-m", "<m>", "ended", "app/name:2");

  await t.test("completion lists names, for bash itself", { skip: unless("bash") }, async () => {
    const path = join(bench.path, "varve");
    writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${bundle}' "$@"\n`);
    chmodSync(path, 0o755);
    const complete = async (line: string): Promise<string[]> => {
      const script =
        'source <(varve completion bash); COMP_LINE=$1 COMP_POINT=${#1}; _varve_complete; printf "%s\\n" "${COMPREPLY[@]}"';
      const env = { PATH: `${bench.path}:${process.env["PATH"]}`, VARVE_ROOT: root };
      const { stdout } = await program("bash", "-c", script, "-").run([line], { env });
      return stdout.trim().split(/\s+/).sort();
    };
    assert.deepEqual(await complete("varve hist"), ["history"]);
    assert.deepEqual(await complete("varve rmi "), ["app/name:2", "base:1"]);
    assert.deepEqual(await complete("varve rm "), ["ended"]);
    assert.deepEqual(await complete("varve run ap"), ["app/name:2"]);
    assert.deepEqual(await complete("varve --driver "), ["erofs", "overlay2", "vfs"]);
    assert.ok((await complete("varve images --")).includes("--no-trunc"));
  });

  await t.test("--json gives JSON everywhere", async () => {
    const lists = [
      "images",
      "tree",
      "ps -a",
      "history app/name:2",
      "inspect base:1",
      "diff ended",
      "system check",
    ];
    for (const text of lists) {
      const value = json<unknown>(await varve("--json", ...text.split(" ")));
      assert.ok(Array.isArray(value), text);
      if (text !== "system check") assert.ok(value.length > 0, text);
    }
    for (const text of ["info", "version", "system df", "system gc", "image prune"]) {
      const value = json<object>(await varve("--json", ...text.split(" ")));
      assert.ok(!Array.isArray(value) && Object.keys(value).length > 1, text);
    }
    const { Id } = json<{ Id: string }>(await varve("--json", "commit", "ended"));
    assert.deepEqual(json(await varve("--json", "rmi", Id)), [{ Deleted: Id }]);
    const created = json<{ Id: string }>(await varve("--json", "create", "base:1"));
    assert.equal(await varve("rm", created.Id), created.Id);
    await varve("save", "-o", join(bench.path, "app.tar"), "app/name:2");
    const loaded = (await varve("--json", "load", "-q", "-i", join(bench.path, "app.tar")))
      .split("\n")
      .at(-1) as string;
    assert.deepEqual(json<{ Names: string[] }>(loaded).Names, ["app/name:2"]);
  });

  await t.test("B089 B095 --format takes Go templates", async () => {
    const cases: [args: string[], printed: string][] = [
      [["images", "--format", "{{.Repository}}:{{.Tag}}"], "app/name:2\nbase:1"],
      [["images", "-q", "--format", "{{.Tag}}"], "2\n1"],
      [
        ["images", "--format", "table {{.Tag}}\t{{.Repository | upper}}", "base"],
        "TAG       REPOSITORY\n1         BASE",
      ],
      [["images", "-f", "reference=base", "-f", "Reference=app/*", "--format", "{{.Tag}}"], "2\n1"],
      [["history", "--format", "{{json .Comment}}", "app/name:2"], '"<m>"\n"Imported from -"'],
      [
        ["ps", "-a", "--format", '{{.Names}}{{if eq .State "exited"}} over{{end}} {{.Label "a.b"}}'],
        "ended over c",
      ],
      [["ps", "-f", "status=exited", "-f", "exited=0", "--format", "{{.Names}} {{.State}}"], "ended exited"],
      [
        ["inspect", "-f", "{{range $i, $l := .RootFS.Layers}}{{$i}}{{end}} {{len .RepoTags}}", "app/name:2"],
        "01 1",
      ],
      [["inspect", "-f", '{{index .Config.Labels "a.b"}} {{.State.ExitCode}}', "ended"], "c 0"],
      [["info", "--format", "{{.Driver}} {{.Images}}"], "overlay2 2"],
    ];
    for (const [args, printed] of cases) assert.equal(await varve(...args), printed, args.join(" "));
  });

  await t.test("a file for the ID that cannot be made leaves no container", async () => {
    const before = await varve("ps", "-aq");
    const { code, stderr } = await varve.run(["create", "--cidfile", "/nosuch/id", "base:1", "true"]);
    assert.equal(code, 1);
    assert.match(stderr, /failed to create the container ID file: .*\/nosuch\/id/);
    assert.equal(await varve("ps", "-aq"), before);
  });

  await t.test("Ctrl-C ends with 130 and leaves nothing visible", async () => {
    // Takes connections and never answers.
    const server = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const before = await varve("images", "-aq");
    for (const args of [
      ["pull", `${address}/x:1`],
      ["run", `${address}/x:1`],
    ]) {
      const child = varve.start(args);
      await once(server, "connection");
      child.kill("SIGINT");
      assert.deepEqual(await once(child, "close"), [130, null], args.join(" "));
    }
    server.close();
    // Half an archive, from a pipe that stays open.
    const load = varve.start(["load"]);
    const archive = readFileSync(join(bench.path, "app.tar"));
    load.stdin?.write(archive.subarray(0, archive.length >> 1));
    await once(load.stdin!, "drain");
    load.kill("SIGINT");
    assert.deepEqual(await once(load, "close"), [130, null]);
    assert.equal(await varve("images", "-aq"), before);
  });
});
