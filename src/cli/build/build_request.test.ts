import assert from "node:assert/strict";
import { test } from "node:test";
import { started, stepOf } from "../../../test/suites/build_events.ts";
import type { BuildEvent } from "../../build/index.ts";
import type { BuildRequest } from "../../engine/index.ts";
import { isFailure } from "../../errors.ts";
import type { App } from "../app.ts";
import { parseFlags, progressView, type FlagValues } from "../kit/index.ts";
import { buildFlags } from "./build_flags.ts";
import { buildRequest } from "./build_request.ts";
import { viewMode } from "./build_view.ts";
import { BuildScreen } from "./build_screen.ts";

const { signal } = new AbortController();

function request(line: readonly string[], taken: BuildEvent[] = []): BuildRequest {
  const { values } = parseFlags(buildFlags, line);
  const app = { stdout: {}, stderr: { write: () => true }, stdin: {} } as unknown as App;
  const transfers = progressView({ write: () => true }, { mode: "quiet" });
  const view = {
    take: (event: BuildEvent) => void taken.push(event),
    warn: assert.fail,
    finish: () => undefined,
  };
  const screen = new BuildScreen(view, transfers);
  const flags = values as FlagValues<typeof buildFlags>;
  return buildRequest({ app, flags, context: "dir", screen, signal });
}

test("each flag says its part of the request", () => {
  process.env["VARVE_TEST_ARG"] = "from here";
  const line =
    "-t app:1 --tag other -f D --target web --build-arg A=1 --build-arg VARVE_TEST_ARG --build-arg UNSET_ONE " +
    "--build-context lib=../lib --secret id=s,src=/s --ssh default=/agent --platform linux/amd64,linux/arm64 " +
    "--no-cache-filter web --pull --label a=b --network none --add-host h:127.0.0.1 --iidfile i --metadata-file m " +
    "-o out --push --cache-from type=local,src=c --cache-to type=inline --squash=2..3 --classic --on-error=shell " +
    "--allow security.insecure";
  const made = request(line.split(" "));
  const { onEvent, onShell, onWarning, report, stdin, stdout, ...plain } = made;
  assert.ok(onEvent && onShell && report && onWarning && stdin && stdout);
  assert.deepEqual(
    { ...plain, cacheFrom: plain.cacheFrom?.length, cacheTo: plain.cacheTo?.length },
    {
      context: "dir",
      file: "D",
      tags: ["app:1", "other"],
      target: "web",
      buildArgs: { A: "1", VARVE_TEST_ARG: "from here" },
      buildContexts: new Map([["lib", "../lib"]]),
      labels: { a: "b" },
      platforms: [
        { os: "linux", architecture: "amd64" },
        { os: "linux", architecture: "arm64" },
      ],
      noCache: ["web"],
      pull: true,
      network: "none",
      allow: ["security.insecure"],
      addHosts: [{ name: "h", address: "127.0.0.1" }],
      secrets: new Map([["s", { file: "/s" }]]),
      ssh: new Map([["default", "/agent"]]),
      mode: "classic",
      outputs: [{ type: "local", dest: "out" }],
      push: true,
      cacheFrom: 1,
      cacheTo: 1,
      squash: { from: 2, to: 3 },
      iidFile: "i",
      metadataFile: "m",
      onError: "shell",
      signal,
    },
  );
});

test("--squash alone takes no word", () => {
  assert.equal(request(["--squash", "."]).squash, "new");
  assert.equal(request(["."]).squash, undefined);
});

test("bad values are told", () => {
  for (const line of [
    ["--build-context", "x"],
    ["--platform", "/"],
    ["--squash=5..2"],
    ["--output", "type=x"],
  ])
    assert.throws(
      () => request(line),
      (error) => isFailure(error, "invalid"),
      line.join(" "),
    );
});

test("while a shell has the terminal nothing is shown; what happened comes afterwards, in order", () => {
  const taken: BuildEvent[] = [];
  const { onEvent, onShell } = request(["."], taken);
  const events = [1, 2, 3].map((step) => started(stepOf("0", step), "RUN x"));
  onEvent?.(events[0] as BuildEvent);
  onShell?.(true);
  onEvent?.(events[1] as BuildEvent);
  assert.equal(taken.length, 1);
  onShell?.(false);
  onEvent?.(events[2] as BuildEvent);
  assert.deepEqual(taken, events);
});

test("the view fits what was asked for and the terminal", () => {
  const usual = { json: false, quiet: false, classic: false, progress: "auto" } as const;
  assert.equal(viewMode(usual, true), "tty");
  assert.equal(viewMode(usual, false), "plain");
  assert.equal(viewMode({ ...usual, progress: "plain" }, true), "plain");
  assert.equal(viewMode({ ...usual, progress: "tty" }, false), "tty");
  assert.equal(viewMode({ ...usual, classic: true }, true), "classic");
  assert.equal(viewMode({ ...usual, classic: true, json: true }, true), "json");
  assert.equal(viewMode({ ...usual, progress: "json" }, true), "json");
  assert.equal(viewMode({ ...usual, json: true, quiet: true }, true), "quiet");
  assert.equal(viewMode({ ...usual, progress: "quiet" }, true), "quiet");
});
