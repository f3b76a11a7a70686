import assert from "node:assert/strict";
import { test } from "node:test";
import { done, planOf, said, started, stepOf } from "../../../test/suites/build_events.ts";
import { Clock, Screen } from "../../../test/suites/terminal.ts";
import { progressView } from "../kit/index.ts";
import { BuildScreen } from "./build_screen.ts";
import { LiveView } from "./live_view.ts";

function terminal() {
  const [screen, clock] = [new Screen(80, 20), new Clock()];
  const options = { now: clock.now, after: clock.after };
  const view = new LiveView(screen, { ...options, colors: false });
  return {
    screen,
    clock,
    build: new BuildScreen(view, progressView(screen, { ...options, mode: "terminal" })),
  };
}

const one = stepOf("0", 1, 1);

test("caches, steps, a warning and a push stand below each other on a terminal", () => {
  const { screen, clock, build } = terminal();
  build.report({ id: "aaaaaaaaaaaa", status: "Downloading", current: 1, total: 2 });
  build.report({ id: "aaaaaaaaaaaa", status: "Pull complete" });
  build.warn("the cache is not there");
  build.take(planOf(1));
  build.take(started(one, "FROM base"));
  clock.advance(100);
  build.take(done(one));
  build.take({ kind: "done", image: "sha256:0", names: [] } as never);
  build.report({ id: "bbbbbbbbbbbb", status: "Pushed" });
  build.finish();
  assert.deepEqual(screen.shown, [
    "aaaaaaaaaaaa: Pull complete",
    "[Warning] the cache is not there",
    ` => [stage-0 1/1] FROM base${" ".repeat(47)} 1.2s`,
    "[+] Building 0.1s (1/1) FINISHED",
    "bbbbbbbbbbbb: Pushed",
  ]);
  assert.deepEqual([clock.pending, screen.listening], [0, 0]);
});

test("while a shell has the terminal nothing is written to it", () => {
  const { screen, clock, build } = terminal();
  build.take(started(one, "RUN x"));
  build.take(said(one, "its last words\n"));
  build.hold(true);
  assert.equal(screen.shown.at(-1), " => => # its last words");
  const before = screen.raw;
  build.take(said(one, "of another step\n"));
  clock.advance(1000);
  assert.equal(screen.raw, before);
  build.hold(false);
  clock.advance(1000);
  assert.equal(screen.shown.at(-1), " => => # of another step");
});
