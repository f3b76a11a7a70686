import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import {
  directory,
  file,
  gone,
  imageOf,
  recordsOf,
  type GivenStep,
} from "../../../test/support/cost_help.ts";
import { scratch, unlessLinux } from "../../../test/suites/scratch.ts";
import { type LintFinding, parseDockerfile, renderFindings } from "../../dockerfile/index.ts";
import { openStore } from "../../store/index.ts";
import type { PackedEntry } from "../../tar/index.ts";
import { measureCosts } from "../costs/index.ts";
import { lintBuild, type LintBuildOptions } from "./lint_build.ts";

const live = { signal: new AbortController().signal };
const base = "debian:13@sha256:aaaa";

interface Linted {
  readonly findings: LintFinding[];
  /** What is said, without why. */
  readonly text: string;
}

/**
 * Lints a one-stage build.
 * @param layers that of the base, and then one for each line number
 */
async function lint(
  source: string,
  layers: Readonly<Record<number, readonly PackedEntry[]>>,
  options?: LintBuildOptions,
): Promise<Linted> {
  using dir = scratch("lint");
  const store = await openStore({ root: join(dir.path, "root"), driver: "erofs" });
  const dockerfile = parseDockerfile(source);
  const image = await imageOf(store, Object.values(layers));
  const places = Object.keys(layers).map(Number);
  const [stage] = dockerfile.stages;
  const steps = [stage!.from, ...stage!.instructions].map(({ span, text }, index): GivenStep => {
    const place = places.indexOf(span.start.line);
    return [span.start.line, text, index === 0 || place < 0 ? undefined : place];
  });
  const costs = await measureCosts(store, { image, steps: await recordsOf(store, image, steps) }, live);
  const findings = lintBuild(dockerfile, costs, options);
  const text = renderFindings(findings, dockerfile).replace(/^ {2}why: .*\n/gm, "");
  return { findings, text };
}

const body = (bytes: number): string => "x".repeat(bytes);

test("B080 files deleted in another layer than they were made in", { skip: unlessLinux }, async () => {
  const { text } = await lint(`FROM ${base}\nRUN make tool\nRUN rm -r /build\nRUN rm /usr/old\nUSER 1\n`, {
    1: [directory("usr"), file("usr/old", body(300))],
    2: [
      directory("build"),
      file("build/a.o", body(2000)),
      file("build/b.o", body(50)),
      file("tool", body(10)),
    ],
    3: [gone("build")],
    4: [directory("usr"), gone("usr/old")],
  });
  assert.equal(
    text,
    `warning: DeletedInLaterLayer: /build/a.o and 1 more file of line 2 are deleted here
  Dockerfile:3 | RUN rm -r /build
  lost: 2050 bytes
  - RUN make tool
  - RUN rm -r /build
  + RUN make tool \\
  +     && rm -r /build
`,
  );
});

test("B080 much that is replaced, and not the package manager's books", { skip: unlessLinux }, async () => {
  const { text } = await lint(`FROM ${base}\nCOPY big small /\nRUN strip /big\nUSER 1\n`, {
    1: [file("base", "1")],
    2: [file("big", body(2 << 20)), file("small", "abc")],
    3: [file("big", body(1000)), file("small", "abcd")],
  });
  assert.equal(
    text,
    `warning: DeletedInLaterLayer: /big and 1 more file of line 2 are replaced here
  Dockerfile:3 | RUN strip /big
  lost: 2097155 bytes
`,
  );
  const small = await lint(`FROM ${base}\nCOPY small /\nRUN edit /small\nUSER 1\n`, {
    1: [file("base", "1")],
    2: [file("small", "abc")],
    3: [file("small", "abcd")],
  });
  assert.deepEqual(small.findings, []);
});

test("B080 package caches that lie in a layer, once", { skip: unlessLinux }, async () => {
  const { text } = await lint(
    `FROM ${base}
RUN apt-get update && \\
    apt-get install -y nodejs
RUN npm install -g serve
RUN rm -rf /var/lib/apt/lists/*
RUN apk add jq
USER 1
`,
    {
      1: [file("base", "1")],
      2: [
        file("usr/bin/node", body(5000)),
        file("var/lib/apt/lists/debian_Packages", body(700)),
        file("var/cache/apt/archives/nodejs.deb", body(60)),
      ],
      4: [file("usr/lib/serve", "s"), file("home/node/.npm/_cacache/index-v5/a", body(90))],
      5: [directory("var/lib/apt/lists"), gone("var/lib/apt/lists/debian_Packages")],
      6: [file("usr/bin/jq", "j")],
    },
  );
  assert.equal(
    text,
    `warning: DeletedInLaterLayer: /var/lib/apt/lists/debian_Packages of line 2 is deleted here
  Dockerfile:5 | RUN rm -rf /var/lib/apt/lists/*
  lost: 700 bytes

warning: PackageCacheLeft: The layer keeps a cache of npm: /home/node/.npm/_cacache/index-v5/a
  Dockerfile:4 | RUN npm install -g serve
  lost: 90 bytes
  - RUN npm install -g serve
  + RUN --mount=type=cache,target=/home/node/.npm npm install -g serve

warning: PackageCacheLeft: The layer keeps a cache of apt-get: /var/cache/apt/archives/nodejs.deb
  Dockerfile:2 | RUN apt-get update && \\
  lost: 60 bytes
  -     apt-get install -y nodejs
  +     apt-get install -y nodejs \\
  +     && apt-get clean
`,
  );
});

test("B080 copies by chmod, chown and touch, with the bytes", { skip: unlessLinux }, async () => {
  const { text } = await lint(
    `FROM ${base}
COPY server /srv/server
RUN chmod 0755 /srv/server
RUN make-data > /data
RUN touch /data
RUN chown 1 /base
USER 1
`,
    {
      1: [file("base", body(30))],
      2: [directory("srv"), file("srv/server", body(4000))],
      3: [directory("srv"), file("srv/server", body(4000), { mode: 0o755 })],
      4: [file("data", body(500))],
      5: [file("data", body(500), { mtime: 2 })],
      6: [file("base", body(30), { uid: 1 })],
    },
  );
  assert.equal(
    text,
    `warning: AttributesChangedAfterCopy: /srv/server is copied whole, though no content changed
  Dockerfile:3 | RUN chmod 0755 /srv/server
  lost: 4000 bytes
  - COPY server /srv/server
  - RUN chmod 0755 /srv/server
  + COPY --chmod=0755 server /srv/server

warning: AttributesChangedAfterCopy: /data is copied whole, though no content changed
  Dockerfile:5 | RUN touch /data
  lost: 500 bytes
  - RUN make-data > /data
  - RUN touch /data
  + RUN make-data > /data \\
  +     && touch /data

warning: AttributesChangedAfterCopy: /base is copied whole, though no content changed
  Dockerfile:6 | RUN chown 1 /base
  lost: 30 bytes
`,
  );
});

test("B080 an order that defeats the cache, with what is installed anew", { skip: unlessLinux }, async () => {
  const { findings } = await lint(
    `FROM ${base}\nWORKDIR /app\nCOPY . .\nRUN --mount=type=cache,target=/root/.npm npm ci\nUSER 1\n`,
    {
      1: [file("base", "1")],
      3: [file("app/index.js", "i"), file("app/package.json", "{}")],
      4: [file("app/node_modules/a", body(1234))],
    },
  );
  const [finding, ...more] = findings;
  assert.deepEqual([finding?.rule, finding?.bytesLost, more.length], ["CopyBeforeInstall", 1234, 0]);
  assert.deepEqual(finding?.fix?.lines, [
    "COPY package*.json ./",
    "RUN --mount=type=cache,target=/root/.npm npm ci",
    "COPY . .",
  ]);
});

test("B080 a large base, with the smaller one where there is one", { skip: unlessLinux }, async () => {
  const layers = { 1: [file("base", body(900))], 2: [file("app", body(100))] };
  const source = "FROM node:24\nCOPY app /\nUSER 1\n";
  const skip = ["BaseWithoutDigest"];
  const { text } = await lint(source, layers, { largeBase: 900, skip });
  assert.equal(
    text,
    `info: LargeBase: Base image node:24 is 90 % of the image
  Dockerfile:1 | FROM node:24
  lost: 900 bytes
  - FROM node:24
  + FROM node:24-slim
`,
  );
  assert.deepEqual((await lint(source, layers, { largeBase: 901, skip })).findings, []);
  const { findings } = await lint(source.replace("node:24", base), layers, { largeBase: 1 });
  assert.deepEqual(
    findings.map(({ rule, fix }) => [rule, fix]),
    [["LargeBase", undefined]],
  );
});

test(
  "B080 a clean build has no findings, whatever its text looks like; rules are silenced",
  { skip: unlessLinux },
  async () => {
    const source = `FROM ${base}\nRUN apk add jq && curl -o /tmp/a x\nRUN rm -f /tmp/a\nRUN chmod 1 /x\nUSER 1\n`;
    const layers = { 1: [file("base", "1")], 2: [file("jq", "j")] };
    assert.deepEqual((await lint(source, layers)).findings, []);
    const deleting = {
      1: [file("base", "1")],
      2: [file("tmp/a", "a")],
      3: [directory("tmp"), gone("tmp/a")],
    };
    assert.equal((await lint(source, deleting)).findings.length, 1);
    const silenced = source.replace("RUN rm", "# varve: ignore DeletedInLaterLayer\nRUN rm");
    const shifted = { 1: deleting[1], 2: deleting[2], 4: deleting[3] };
    assert.deepEqual((await lint(silenced, shifted)).findings, []);
    assert.deepEqual((await lint(source, deleting, { skip: ["all"] })).findings, []);
  },
);
