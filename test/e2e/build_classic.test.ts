/** The classic mode beside dockerd 20.10: builds take turns on one data root, and each finds the other's steps again. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startDockerd } from "../suites/dockerd.ts";
import {
  besideDockerdSkip,
  dockerOn,
  json,
  makeBench,
  writeExamples,
  type Bench,
  type Outcome,
  type Program,
} from "./support.ts";

/** What neither example has: two stages, triggers, arguments, ignored files, links, an archive, owners, wildcards. */
const mixture = `ARG TAG=1
FROM base:$TAG AS one
ARG Q=1
RUN echo $Q > /q; ln -s q /link; mkdir /d; echo x > /d/x; ln /d/x /d/y
ONBUILD RUN true
FROM one
ENV A="b c"
LABEL a=b
COPY --from=one /link /d /from/
COPY --from=0 /bin/busybox /b*x /tools/
COPY --chown=nobody:1 context/f* context/link /files/
COPY context /all
COPY . /whole
ADD archive.tar /archive/
WORKDIR /new
WORKDIR dir
EXPOSE 80 443/udp
VOLUME /v
USER nobody
RUN ["true"]
HEALTHCHECK --interval=5m CMD true
STOPSIGNAL 9
SHELL ["/bin/sh", "-ec"]
ENTRYPOINT ["/bin/cat"]
CMD /q
`;

function writeMixture(directory: string): void {
  const at = (...names: string[]): string => join(directory, "C", ...names);
  fs.mkdirSync(at("context", "deep", "er"), { recursive: true });
  fs.writeFileSync(at("Dockerfile"), mixture);
  fs.writeFileSync(at(".dockerignore"), "*.log\ncontext/deep\n!context/deep/er/kept\n");
  for (const name of ["a.log", "context/f1", "context/f2", "context/deep/gone", "context/deep/er/kept"])
    fs.writeFileSync(at(name), name);
  fs.chmodSync(at("context", "f2"), 0o4750);
  fs.symlinkSync("f1", at("context", "link"));
  fs.symlinkSync("nowhere", at("context", "broken"));
  fs.linkSync(at("context", "f1"), at("context", "hard"));
  execFileSync("tar", ["-cf", at("archive.tar"), "-C", at("context"), "f1", "hard", "deep"]);
}

const examples = ["A", "B", "C"] as const;

function build(builder: Program, bench: Bench, example: string): Promise<Outcome> {
  const classic = builder === bench.varve ? ["--classic"] : [];
  const names = ["-t", `${example.toLowerCase()}:1`];
  return builder.run(["build", ...classic, "--network", "none", ...names, join(bench.path, example)]);
}

/** Steps that are taken from the cache must be all that are not `FROM` or `ARG` before it, and triggers. */
function assertCached({ code, stdout, stderr }: Outcome, what: string): void {
  assert.equal(code, 0, `${what}: ${stdout}${stderr}`);
  const steps = stdout.match(/^Step \d+\/\d+ : (?!FROM|ARG TAG)/gm)?.length ?? 0;
  const triggers = [...stdout.matchAll(/^# Executing (\d+) build trigger/gm)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );
  assert.ok(steps > 0, what);
  assert.equal(stdout.match(/^ ---> Using cache$/gm)?.length, steps + triggers, `${what}: ${stdout}`);
}

async function imageIds(program: Program): Promise<string[]> {
  return Promise.all(
    examples.map((name) => program("inspect", "--type", "image", "-f", "{{.Id}}", `${name.toLowerCase()}:1`)),
  );
}

interface Row {
  readonly CreatedBy: string;
  readonly Size: string;
}

const historyOf = async (program: Program, name: string): Promise<Row[]> =>
  (await program("history", "--no-trunc", "--format", "{{json .}}", name))
    .split("\n")
    .map((row) => json<Row>(row));

test(
  "B074 B076 dockerd and varve use each other's steps",
  { skip: besideDockerdSkip, timeout: 300_000 },
  async (t) => {
    await using bench = await makeBench("build-classic");
    const { varve } = bench;
    writeExamples(bench.path, "base:1");
    writeMixture(bench.path);
    const docker = dockerOn(bench.path);

    for (const example of examples) {
      const { code, stdout, stderr } = await build(varve, bench, example);
      assert.equal(code, 0, `${example}: ${stdout}${stderr}`);
      assert.doesNotMatch(stdout, /Using cache/);
    }
    const ours = await imageIds(varve);

    await t.test("dockerd says `Using cache` for all that varve built", async () => {
      await using daemon = await startDockerd(bench.path, "overlay2");
      assert.equal(daemon.root, bench.root);
      for (const example of examples) assertCached(await build(docker, bench, example), example);
      assert.deepEqual(await imageIds(docker), ours);
    });

    await t.test("B065 B068 B071 histories are Docker's", async () => {
      const a = await historyOf(varve, "a:1");
      assert.deepEqual(a.map(({ CreatedBy }) => CreatedBy).slice(0, 4), [
        '/bin/sh -c #(nop)  CMD ["/bin/bash"]',
        "/bin/sh -c apt-get install -y apache2",
        "/bin/sh -c apt-get update -y &&     apt-get install -y emacs",
        "/bin/sh -c #(nop)  MAINTAINER Jo <jo@x>",
      ]);
      const b = await historyOf(varve, "b:1");
      assert.match(b[1]?.CreatedBy ?? "", /^\/bin\/sh -c #\(nop\) COPY file:[0-9a-f]{64} in \/data\/layer $/);
      assert.deepEqual(b.map(({ Size }) => Size).slice(0, 7), ["32B", "2B", "2B", "2B", "2B", "0B", "0B"]);
    });

    await t.test("varve says `Using cache` for all that dockerd built", async () => {
      // Other first steps, so that nothing is there yet.
      for (const example of examples) {
        const file = join(bench.path, example, "Dockerfile");
        const changed = fs.readFileSync(file, "utf8").replace(/^(FROM base.*)$/m, `$1\nENV ROUND=${example}`);
        fs.writeFileSync(file, changed);
      }
      const theirs = await (async () => {
        await using daemon = await startDockerd(bench.path, "overlay2");
        assert.equal(daemon.root, bench.root);
        for (const example of examples) {
          const { code, stdout, stderr } = await build(docker, bench, example);
          assert.equal(code, 0, `${example}: ${stdout}${stderr}`);
          assert.doesNotMatch(stdout, /Using cache/);
        }
        return await imageIds(docker);
      })();
      for (const example of examples) assertCached(await build(varve, bench, example), example);
      assert.deepEqual(await imageIds(varve), theirs);
    });
  },
);
