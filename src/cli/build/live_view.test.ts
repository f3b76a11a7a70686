import assert from "node:assert/strict";
import { test } from "node:test";
import { done, failed, planOf, said, started, stepOf, warned } from "../../../test/suites/build_events.ts";
import { Clock, Screen } from "../../../test/suites/terminal.ts";
import { CommandExit } from "../../build/index.ts";
import { Failure } from "../../errors.ts";
import { LiveView } from "./live_view.ts";

const [one, two] = [stepOf("one", 2), stepOf("two", 3)];

function terminal(screen = new Screen(60, 20), colors = false) {
  const clock = new Clock();
  const view = new LiveView(screen, { now: clock.now, after: clock.after, colors });
  return { screen, clock, view };
}

const exited = (output: string): Failure =>
  new Failure("invalid", "The command 'sh' returned a non-zero code: 7", {
    cause: new CommandExit(7, { command: "/bin/sh -c x", where: "Dockerfile:3: RUN x", output }),
  });

test("steps side by side have a line each, with their output and a time that counts up", () => {
  const { screen, clock, view } = terminal();
  view.take(planOf(3, 3));
  view.take(started(one, "RUN make"));
  clock.advance(300);
  view.take(started(two, "RUN npm ci && npm run build -- --with=a --very=long --line"));
  for (let n = 1; n <= 9; n++) view.take(said(one, `line ${n}\n`, n % 2 === 0 ? "stderr" : "stdout"));
  view.take(said(two, "a question? "));
  clock.advance(100);
  assert.deepEqual(screen.shown, [
    "[+] Building 0.4s (0/6)",
    " => [one 2/3] RUN make                                 0.4s",
    " => => # line 4",
    " => => # line 5",
    " => => # line 6",
    " => => # line 7",
    " => => # line 8",
    " => => # line 9",
    " => [two 3/3] RUN npm ci && npm run build -- --with=a… 0.1s",
    " => => # a question? ",
  ]);
  clock.advance(100);
  assert.equal(screen.shown[0], "[+] Building 0.5s (0/6)");
  assert.equal(screen.shown[1], " => [one 2/3] RUN make                                 0.5s");
});

test("what is done is one line for good, with the size of its layer, or CACHED", () => {
  const { screen, clock, view } = terminal(new Screen(60, 20), true);
  view.take(planOf(3, 3));
  for (const id of [one, two]) view.take(started(id, "RUN make\nsecond line"));
  view.take(said(one, "gone afterwards\n"));
  clock.advance(100);
  view.take(done(two, { cache: { hit: true, from: "local" }, size: 5 }));
  view.take(done(one, { cache: { hit: false, reason: "" }, size: 5_100_000 }));
  view.take({ kind: "done", image: "sha256:0", names: [] } as never);
  clock.advance(100);
  view.finish();
  view.finish();
  assert.deepEqual(screen.shown, [
    " => [two 3/3] RUN make                               CACHED",
    " => [one 2/3] RUN make                          5.1MB  1.2s",
    "[+] Building 0.2s (2/6) FINISHED",
  ]);
  assert.ok(screen.raw.includes("\x1b[36m => [two 3/3]"));
  assert.ok(screen.raw.includes("\x1b[2m => => # gone"));
  assert.deepEqual([clock.pending, screen.listening], [0, 0]);
});

test("without colours nothing but the cursor is moved", () => {
  const { screen, clock, view } = terminal();
  view.take(started(one, "RUN make"));
  view.take(said(one, "\x1b[31mred\x1b[0m\n"));
  clock.advance(100);
  view.take(failed(one, exited("red")));
  view.finish();
  assert.equal(/\x1b\[\d*m/.test(screen.raw), false);
  assert.ok(screen.shown.includes("red"));
});

test("a step that fails leaves all that is kept of its output; others are told to be cancelled", () => {
  const { screen, clock, view } = terminal(new Screen(60, 10));
  view.take(planOf(3, 3));
  view.take(started(one, "RUN x"));
  view.take(started(two, "RUN y"));
  for (let n = 1; n <= 30; n++) view.take(said(one, `line ${n}\n`));
  view.take(said(one, "no line feed"));
  clock.advance(100);
  view.take(failed(one, exited("")));
  view.take(failed(two, new Failure("cancelled", "cancelled")));
  view.finish();
  const lines = Array.from({ length: 30 }, (_, n) => `line ${n + 1}`);
  assert.deepEqual(screen.shown, [
    " => [one 2/3] RUN x                     ERROR: exit code: 7",
    "------",
    " > [one 2/3] RUN x:",
    ...lines,
    "no line feed",
    "------",
    " => [two 3/3] RUN y                                CANCELED",
    "[+] Building 0.1s (0/6)",
  ]);
});

test("pulls and downloads are bars below the step that waits for them", () => {
  const { screen, clock, view } = terminal(new Screen(100, 20));
  const pull = (status: string, current?: number, total?: number): void =>
    view.take({
      kind: "progress",
      id: one,
      status,
      ...(current !== undefined && { current }),
      ...(total !== undefined && { total }),
    });
  view.take(started(one, "FROM alpine"));
  pull("aaaaaaaaaaaa: Downloading", 50, 100);
  pull("bbbbbbbbbbbb: Waiting");
  clock.advance(100);
  assert.match(screen.shown[2] as string, /^ => => aaaaaaaaaaaa: Downloading \[=+> +\] +50B\/100B$/);
  assert.equal(screen.shown[3], " => => bbbbbbbbbbbb: Waiting");
  pull("aaaaaaaaaaaa: Pull complete");
  clock.advance(100);
  assert.equal(screen.shown.length, 3);
});

test("a small window shows the steps that have something to tell, and never scrolls what is repainted", () => {
  const { screen, clock, view } = terminal(new Screen(40, 6));
  const ids = Array.from({ length: 9 }, (_, n) => stepOf(`s${n}`, 1));
  for (const id of ids) view.take(started(id, "RUN x"));
  view.take(said(ids[7] as never, "here\n"));
  clock.advance(100);
  assert.equal(screen.shown.length, 5);
  assert.equal(screen.shown[0], "[+] Building 0.1s (0/9), 5 more");
  assert.ok(screen.shown.some((line) => line.startsWith(" => [s7 1/3]")));
  screen.resize(25);
  clock.advance(100);
  for (const id of ids) view.take(done(id));
  view.finish();
  assert.equal(screen.shown.at(-1), "[+] Building 0.2s (9/9)");
});

test("many events are painted at most fifteen times a second", () => {
  const { screen, clock, view } = terminal();
  view.take(started(one, "RUN make"));
  const before = screen.writes;
  for (let n = 0; n < 200; n++) {
    view.take(said(one, `${n}\n`));
    clock.advance(5);
  }
  assert.ok(screen.writes - before <= 16, `${screen.writes - before} paints`);
});

test("of the warnings only that is shown which lint does not tell", () => {
  const { screen, view } = terminal();
  view.take(warned("UnusedBuildArg", "One or more build-args [X] were not consumed"));
  view.take(warned("StageNameCasing", "told at the end"));
  view.finish();
  assert.deepEqual(screen.shown, ["[Warning] One or more build-args [X] were not consumed"]);
});
