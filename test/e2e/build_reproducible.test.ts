/** The same Dockerfile on other days, from other directories, on other roots and drivers: the same digests. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "../../src/oci/index.ts";
import { scratch, unlessAll } from "../suites/scratch.ts";
import { json, makeBase, runSkip, startRegistry, unless, varveOn, type Program } from "./support.ts";

const dockerfile = `ARG BASE=base:1
FROM $BASE AS one
ENV A=1 B="two words"
WORKDIR /w/one
RUN mkdir -p out/d && for i in 1 2 3 4 5 6 7 8 9; do echo $i > out/d/$i; touch out/e$i; done; \\
    ln out/d/1 out/hard; ln -s d/2 out/sym; rm -rf /odd/empty /odd/one; mv /etc/os-release /etc/moved; \\
    chmod 711 /var; chown 5:6 /odd/owned
RUN id > id; uname -n > host; env > env; cat /etc/passwd > /tmp/read
COPY src /copied
COPY --chown=7:8 --chmod=640 src/f* /owned/
FROM base:1 AS two
ADD archive.tar.gz /unpacked/
COPY --link src /linked
RUN --mount=type=bind,source=src,target=/s cp -a /s /from-mount
COPY --parents src/deep/g1* /parents/
RUN mkdir /new && touch -d "2001-01-01 00:00:00" /new/old && rmdir /root && mkdir /root
ARG SOURCE_DATE_EPOCH
COPY <<EOT /etc/here
at $SOURCE_DATE_EPOCH
EOT
FROM base:1
WORKDIR /final
COPY --from=one /w/one ./one
COPY --from=one /copied /copied
COPY --from=two / /two/
ADD archive.tar.gz ./unpacked
COPY empty /empty/
LABEL x=y
CMD ["sh"]
USER nobody
VOLUME /volume
HEALTHCHECK CMD true
`;

/** Files made in the order of their names, or in the opposite one, with times of their own. */
function writeContext(directory: string, { reversed, year }: { reversed: boolean; year: number }): void {
  fs.mkdirSync(join(directory, "src/deep"), { recursive: true });
  fs.mkdirSync(join(directory, "empty"));
  const numbers = Array.from({ length: 40 }, (_, i) => i);
  for (const i of reversed ? numbers.toReversed() : numbers)
    for (const name of [`src/f${i}`, `src/deep/g${i}`]) fs.writeFileSync(join(directory, name), name);
  fs.linkSync(join(directory, "src/f2"), join(directory, "src/hard"));
  fs.symlinkSync("f1", join(directory, "src/link"));
  fs.chmodSync(join(directory, "src/f3"), 0o4755);
  fs.writeFileSync(join(directory, "src/sparse"), "end");
  fs.truncateSync(join(directory, "src/sparse"), 300_000);
  fs.writeFileSync(join(directory, "Dockerfile"), dockerfile);
  const tar = ["--mtime=@1500000000", "--sort=name", "-cf", "archive.tar", "src/deep"];
  execFileSync("tar", tar, { cwd: directory });
  execFileSync("gzip", ["-n", "archive.tar"], { cwd: directory });
  const time = new Date(Date.UTC(year, 4, 5));
  for (const name of fs.readdirSync(directory, { recursive: true, encoding: "utf8" }))
    fs.lutimesSync(join(directory, name), time, time);
}

const day = 86_400_000;

/** The program's clock, so many milliseconds ahead. */
const ahead = (milliseconds: number): Readonly<Record<string, string>> => ({
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    `const now=Date.now;Date.now=()=>now()+${milliseconds};` +
      `globalThis.Date=class extends Date{constructor(...a){super(...(a.length?a:[Date.now()]))}}`,
  )}`,
});

interface Made {
  readonly id: string;
  /** What `save` writes. */
  readonly archive: string;
  readonly squashed: string;
  /** Of files alone. */
  readonly tar: string;
  readonly created: string;
}

interface Place {
  readonly varve: Program;
  readonly directory: string;
  readonly context: string;
  readonly clock: number;
}

async function make({ varve, directory, context, clock }: Place): Promise<Made> {
  fs.mkdirSync(directory, { recursive: true });
  const env = { ...ahead(clock), SOURCE_DATE_EPOCH: "1700000000" };
  const build = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await varve.run(["build", "-q", "--network", "none", ...args, context], {
      env,
    });
    assert.equal(code, 0, stderr);
    return stdout.trim();
  };
  const at = (name: string): string => join(directory, name);
  const digest = (name: string): string => digestOf(fs.readFileSync(at(name)));
  const id = await build("--no-cache", "-t", "result:1");
  await varve("save", "-o", at("saved"), "result:1");
  await build("--squash", "-t", "squashed:1", "-o", `type=oci,dest=${at("squashed")}`);
  await build("-o", `type=tar,dest=${at("tar")}`);
  return {
    id,
    archive: digest("saved"),
    squashed: digest("squashed"),
    tar: digest("tar"),
    created: await varve("image", "inspect", "-f", "{{.Created}}", "result:1"),
  };
}

test(
  "two days, two directories, two roots, several drivers: the same digests with SOURCE_DATE_EPOCH",
  { skip: runSkip, timeout: 120_000 },
  async () => {
    using folder = scratch("reproducible");
    const at = (name: string): string => join(folder.path, name);
    writeContext(at("one"), { reversed: false, year: 2024 });
    writeContext(at("two"), { reversed: true, year: 2031 });
    const base = makeBase(folder.path, { id: "base" });
    await varveOn(at("base-root"), "vfs")("import", base, "base:1");
    await varveOn(at("base-root"))("save", "-o", at("base-image"), "base:1");
    const made: Made[] = [];
    for (const [driver, context, days] of [
      ["overlay2", "one", 0],
      ["erofs", "two", 3],
      ...(unlessAll === false
        ? ([
            ["overlay2", "two", 1],
            ["vfs", "one", -10],
          ] as const)
        : []),
    ] as const) {
      const directory = at(`${driver}-${context}`);
      const varve = varveOn(join(directory, "root"), driver);
      await varve("load", "-q", "-i", at("base-image"));
      made.push(await make({ varve, directory, context: at(context), clock: days * day }));
    }
    const [first, ...others] = made;
    assert.equal(first?.created, "2023-11-14T22:13:20Z");
    for (const other of others) assert.deepEqual(other, first);
  },
);

test(
  "pushed from two roots: one manifest, and nothing to send the second time",
  { skip: runSkip || unless("docker-registry"), timeout: 60_000 },
  async () => {
    using folder = scratch("reproducible");
    const at = (name: string): string => join(folder.path, name);
    await using registry = await startRegistry(folder.path);
    writeContext(at("one"), { reversed: false, year: 2024 });
    writeContext(at("two"), { reversed: true, year: 2031 });
    const base = makeBase(folder.path, { id: "base" });
    await varveOn(at("base-root"), "vfs")("import", base, "base:1");
    await varveOn(at("base-root"))("save", "-o", at("base-image"), "base:1");
    const digests: string[] = [];
    for (const [context, driver, days] of [
      ["one", "overlay2", 0],
      ["two", "erofs", 1],
    ] as const) {
      const varve = varveOn(at(`root-${context}`), driver);
      await varve("load", "-q", "-i", at("base-image"));
      registry.forget();
      const name = `${registry.address}/result:1`;
      const metadata = at(`metadata-${context}`);
      const args = ["build", "-q", "--network", "none", "--push", "-t", name, "--metadata-file", metadata];
      const { code, stderr } = await varve.run([...args, at(context)], {
        env: { ...ahead(days * day), SOURCE_DATE_EPOCH: "1700000000" },
      });
      assert.equal(code, 0, stderr);
      digests.push(
        json<Record<string, string>>(fs.readFileSync(metadata, "utf8"))["containerimage.digest"] as string,
      );
    }
    assert.match(digests[0] ?? "", /^sha256:[0-9a-f]{64}$/);
    assert.equal(digests[1], digests[0]);
    assert.deepEqual(
      registry.requests().filter((request) => request.startsWith("PATCH")),
      [],
      "the registry has every blob",
    );
  },
);

test(
  "without SOURCE_DATE_EPOCH a rebuild from the cache is the same image",
  { skip: runSkip || unlessAll, timeout: 60_000 },
  async () => {
    using folder = scratch("reproducible");
    const at = (name: string): string => join(folder.path, name);
    writeContext(at("one"), { reversed: false, year: 2024 });
    writeContext(at("two"), { reversed: true, year: 2031 });
    const varve = varveOn(at("root"));
    await varve("import", makeBase(folder.path, { id: "base" }), "base:1");
    const build = async (context: string, clock: number, ...flags: string[]): Promise<string> => {
      const args = ["build", "-q", "--network", "none", ...flags, at(context)];
      const { code, stdout, stderr } = await varve.run(args, { env: ahead(clock) });
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const first = await build("one", 0);
    assert.equal(await build("one", day), first, "another day");
    assert.equal(await build("two", 2 * day), first, "another directory, with other times");
    assert.notEqual(await build("one", day, "--no-cache"), first, "the clock is seen");
  },
);
