import assert from "node:assert/strict";
import { test } from "node:test";
import type { CopyInstruction, Instruction } from "../../dockerfile/index.ts";
import { buildkitComment, buildkitText } from "./buildkit_text.ts";
import type { TextFacts } from "./history_facts.ts";

const position = { line: 1, column: 1 };
const common = { text: "", span: { start: position, end: position } };
const shell = (text: string) => ({ form: "shell", text, hereDocuments: [] }) as const;
const copy = (edit: Partial<CopyInstruction>): CopyInstruction => ({
  ...common,
  kind: "copy",
  sources: ["layer1"],
  destination: "/data/layer",
  hereDocuments: [],
  exclude: [],
  link: false,
  parents: false,
  keepGitDir: false,
  ...edit,
});
const run: Instruction = { ...common, kind: "run", command: shell("x"), mounts: [] };
const command = ["/bin/sh", "-c", "echo $A"];

type Case = readonly [text: string | undefined, instruction: Instruction, facts?: Partial<TextFacts>];

const cases: readonly Case[] = [
  ["RUN /bin/sh -c echo $A # buildkit", run, { command, args: [] }],
  ["RUN |2 B=2 A=b /bin/sh -c echo $A # buildkit", run, { command, args: ["B=2", "A=b"] }],
  ["COPY layer1 /data/layer # buildkit", copy({})],
  ["COPY a b /data/layer # buildkit", copy({}), { sources: ["a", "b"] }],
  [
    "ADD --chown=1:2 http://x/y /data/layer # buildkit",
    copy({ kind: "add", sources: ["http://x/y"], chown: "1:2" }),
  ],
  [
    "COPY --parents --chown=me --chmod=0644 layer1 /data/layer # buildkit",
    copy({ parents: true, chown: "$ME", chmod: "0644", link: true }),
    { chown: "me" },
  ],
  [
    "COPY <<one <<two /data/layer # buildkit",
    copy({
      sources: [],
      hereDocuments: ["one", "two"].map((name) => ({ name, content: "", expand: true, span: common.span })),
    }),
  ],
  [
    "WORKDIR /data/layer",
    { ...common, kind: "workdir", path: "layer" },
    { config: { WorkingDir: "/data/layer" } },
  ],
  [
    'CMD ["/bin/bash"]',
    { ...common, kind: "cmd", command: { form: "exec", words: ["/bin/bash"] } },
    { config: { Cmd: ["/bin/bash"] } },
  ],
  [
    'ENTRYPOINT ["/bin/sh" "-c" "x"]',
    { ...common, kind: "entrypoint", command: shell("x") },
    { config: { Entrypoint: ["/bin/sh", "-c", "x"] } },
  ],
  [
    "ENV A=b C=d e",
    {
      ...common,
      kind: "env",
      values: [
        { name: "A", value: "b" },
        { name: "C", value: "d e" },
      ],
    },
  ],
  ["LABEL a=b", { ...common, kind: "label", values: [{ name: "a", value: "b" }] }],
  ["EXPOSE [443/udp 80/tcp 90/tcp 91/tcp]", { ...common, kind: "expose", ports: ["443/UDP", "80", "90-91"] }],
  ["EXPOSE [80/tcp]", { ...common, kind: "expose", ports: ["[::1]:8080:80"] }],
  ["VOLUME [/v /w]", { ...common, kind: "volume", paths: ["/v", "/w"] }],
  ["USER nobody", { ...common, kind: "user", user: "nobody" }],
  ["STOPSIGNAL 9", { ...common, kind: "stopsignal", signal: "9" }],
  [
    "ARG Q=2 R",
    { ...common, kind: "arg", values: [{ name: "Q", value: "1" }, { name: "R" }] },
    { declared: [{ name: "Q", value: "2" }, { name: "R" }] },
  ],
  ["ARG Q=1", { ...common, kind: "arg", values: [{ name: "Q", value: "1" }] }],
  ["SHELL [/bin/sh -c]", { ...common, kind: "shell", words: ["/bin/sh", "-c"] }],
  ["MAINTAINER Jo <jo@x>", { ...common, kind: "maintainer", author: "Jo <jo@x>" }],
  [
    "HEALTHCHECK {Test:[CMD-SHELL true] Interval:5m0s Timeout:3s StartPeriod:0s StartInterval:0s Retries:3}",
    { ...common, kind: "healthcheck", command: shell("true") },
    { config: { Healthcheck: { Test: ["CMD-SHELL", "true"], Interval: 3e11, Timeout: 3e9, Retries: 3 } } },
  ],
  [undefined, { ...common, kind: "onbuild", trigger: "RUN echo hi" }],
  [undefined, { ...common, kind: "from", image: "x" }],
];

for (const [text, instruction, facts] of cases) {
  test(`B073 BuildKit's text: ${text ?? `none for ${instruction.kind}`}`, () => {
    assert.equal(buildkitText(instruction, { config: {}, ...facts }), text);
  });
}

test("B073 the comment of BuildKit's rows", () => {
  assert.equal(buildkitComment, "buildkit.dockerfile.v0");
});
