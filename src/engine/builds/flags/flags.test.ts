/** The values of the build's flags, each spelling with what it means or the exact error. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { familiarReference } from "../../../oci/index.ts";
import { parseAddHost } from "./parse_add_host.ts";
import { parseBuildArgs, parseLabels } from "./parse_build_args.ts";
import { parseSquash } from "./parse_squash.ts";
import { csvFields } from "./csv_fields.ts";
import { parseCacheFrom, parseCacheTo } from "./parse_cache.ts";
import { parseOutput } from "./parse_output.ts";
import { parseSecret, parseSsh } from "./parse_secret.ts";

test("fields may be quoted, and quotes doubled in them", () => {
  const texts = (text: string): string[] => csvFields(text, "output").map((field) => field.text);
  assert.deepEqual(texts('type=oci,"name=a,b","x=""y"""'), ["type=oci", "name=a,b", 'x="y"']);
  assert.deepEqual(texts("a,,b="), ["a", "", "b="]);
  assert.throws(() => texts('a="b"'), /invalid value .* for --output: bare " in non-quoted-field/);
  assert.throws(() => texts('"a'), /extraneous or missing " in quoted-field/);
  assert.throws(() => texts('"a"b'), /extraneous or missing " in quoted-field/);
});

test("outputs: every type and both short forms", () => {
  assert.deepEqual(parseOutput("-"), { type: "tar", dest: "-" });
  assert.deepEqual(parseOutput("out/dir"), { type: "local", dest: "out/dir" });
  assert.deepEqual(parseOutput("type=local,dest=a"), { type: "local", dest: "a" });
  assert.deepEqual(parseOutput("type=tar"), { type: "tar", dest: "-" });
  assert.deepEqual(parseOutput('type=oci,"dest=a,b.tar"'), { type: "oci", names: [], dest: "a,b.tar" });
  assert.deepEqual(parseOutput("type=docker"), { type: "docker", names: [] });
  const image = parseOutput('type=image,"name=app,app:2",push=true');
  assert.ok(image.type === "image" && image.push);
  assert.deepEqual(image.names.map(familiarReference), ["app:latest", "app:2"]);
  const registry = parseOutput("type=registry,name=127.0.0.1:5000/a:1");
  assert.ok(registry.type === "image" && registry.push);
});

const badOutputs: readonly (readonly [string, RegExp])[] = [
  ["", /invalid empty value for --output/],
  ["dest=a,name=b", /type is required/],
  ["type=local", /^dest is required for local output$/],
  ["type=floppy", /^unsupported output type "floppy"$/],
  ["type=__proto__", /^unsupported output type/],
  ["type=tar,push=true", /^--output type=tar has no attribute "push"$/],
  ["type=image,push=maybe", /^invalid value "maybe" for push of --output/],
  ["type=image,push", /"push" must be a key=value pair/],
  ["type=oci,tar=false", /a layout in a directory cannot be written/],
  ["type=image,name=UP", /must be lowercase/],
];
for (const [text, message] of badOutputs)
  test(`a bad output: ${text}`, () => void assert.throws(() => parseOutput(text), { message }));

test("secrets: a file, a variable, or what is there of that name", () => {
  const environment = { TOKEN: "x" };
  const parse = (text: string) => parseSecret(text, environment);
  assert.deepEqual(parse("id=a,src=f"), ["a", { file: "f" }]);
  assert.deepEqual(parse("type=file,source=f"), ["f", { file: "f" }]);
  assert.deepEqual(parse("id=a,env=B"), ["a", { env: "B" }]);
  assert.deepEqual(parse("type=env,id=a,src=B"), ["a", { env: "B" }]);
  assert.deepEqual(parse("id=TOKEN"), ["TOKEN", { env: "TOKEN" }]);
  assert.deepEqual(parse("type=file,id=TOKEN"), ["TOKEN", { file: "TOKEN" }]);
  assert.deepEqual(parse("id=other"), ["other", { file: "other" }]);
  assert.throws(() => parse("type=file"), /has no id/);
  assert.throws(() => parse("id=a,uid=0"), /unexpected key 'uid'/);
  assert.throws(() => parse("type=vault,id=a"), /unsupported secret type "vault"/);
});

test("agents: of the environment or by path, never keys", () => {
  assert.deepEqual(parseSsh("default", { SSH_AUTH_SOCK: "/s" }), ["default", "/s"]);
  assert.deepEqual(parseSsh("work=/other", {}), ["work", "/other"]);
  assert.throws(() => parseSsh("default", {}), /invalid empty ssh agent socket/);
  assert.throws(() => parseSsh("=x", {}), /it has no id/);
  assert.throws(() => parseSsh("a=k1,k2", {}), /only the socket of an agent/);
});

test("caches: a registry's name or a directory", () => {
  const place = parseCacheFrom("host.example:5000/cache");
  assert.ok(place.type === "registry");
  assert.equal(familiarReference(place.name), "host.example:5000/cache:latest");
  assert.deepEqual(parseCacheFrom("type=local,src=d"), { type: "local", directory: "d" });
  assert.deepEqual(parseCacheTo("type=local,dest=d,mode=max,ignore-error=true"), {
    place: { type: "local", directory: "d" },
    mode: "max",
    ignoreError: true,
  });
  assert.throws(() => parseCacheTo("type=gha"), /unsupported cache type "gha" of --cache-to/);
  assert.throws(() => parseCacheTo("type=local,dest=d,mode=mid"), /neither min nor max/);
  assert.throws(() => parseCacheFrom("type=local"), /src is required/);
  assert.throws(() => parseCacheFrom("type=local,dest=d"), /has no attribute "dest"/);
});

test("build arguments: given, or from the environment", () => {
  const parse = (...texts: string[]) => parseBuildArgs(texts, { HTTP_PROXY: "p", EMPTY: "" });
  assert.deepEqual(parse("A=1", "B=x=y", "C=", "HTTP_PROXY", "EMPTY", "MISSING", "A=2"), {
    A: "2",
    B: "x=y",
    C: "",
    HTTP_PROXY: "p",
    EMPTY: "",
  });
  assert.equal(Object.hasOwn(parse("__proto__=x"), "__proto__"), true);
  assert.throws(() => parse("=x"), /^Failure: invalid value "=x" for --build-arg: it has no name$/);
  assert.deepEqual(parseLabels(["a=b", "c"]), { a: "b", c: "" });
});

test("hosts: names with addresses", () => {
  assert.deepEqual(parseAddHost("a:1.2.3.4"), { name: "a", address: "1.2.3.4" });
  assert.deepEqual(parseAddHost("a.b=::1"), { name: "a.b", address: "::1" });
  assert.deepEqual(parseAddHost("a:[fe80::1]"), { name: "a", address: "fe80::1" });
  assert.throws(() => parseAddHost("a"), /bad format for add-host: "a"/);
  assert.throws(() => parseAddHost("a\nb:1.2.3.4"), /bad format/);
  assert.throws(() => parseAddHost("a:1.2.3"), /invalid IP address in add-host: "1\.2\.3"/);
  assert.deepEqual(parseAddHost("a:host-gateway"), { name: "a", address: "host-gateway" });
});

test("layers to squash", () => {
  assert.equal(parseSquash("true"), "new");
  assert.deepEqual(parseSquash("2..10"), { from: 2, to: 10 });
  for (const bad of ["0..1", "3..2", "1-2", "1..", "x"])
    assert.throws(() => parseSquash(bad), /no FROM\.\.TO/);
});
