import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { Clock, Screen } from "../../../test/suites/terminal.ts";
import type { Progress } from "../../bytes/index.ts";
import { progressBar } from "../../wire/index.ts";
import { progressView, type ProgressView } from "./progress.ts";

const layer = (number: number): string => number.toString(16).padStart(12, "a");

function terminal(screen = new Screen()): { screen: Screen; clock: Clock; view: ProgressView } {
  const clock = new Clock();
  return {
    screen,
    clock,
    view: progressView(screen, { mode: "terminal", now: clock.now, after: clock.after }),
  };
}

describe("progressBar draws Docker's bar", () => {
  const cases: readonly [current: number, total: number, columns: number, wanted: string][] = [
    [0, 0, 200, ""],
    [500, 0, 200, "    500B"],
    [3_100_000, 7_200_000, 200, "[=====================>                             ]    3.1MB/7.2MB"],
    [0, 100, 200, "[>                                                  ]       0B/100B"],
    [100, 100, 200, "[==================================================>]     100B/100B"],
    [150, 100, 200, "[==================================================>]     150B"],
    [1, 100, 200, "[>                                                  ]       1B/100B"],
    [2, 100, 200, "[=>                                                 ]       2B/100B"],
    [50, 100, 80, "[===============>               ]      50B/100B"],
    [50, 100, 55, "     50B/100B"],
  ];
  for (const [current, total, columns, wanted] of cases) {
    test(`${current} of ${total} at ${columns} columns`, () => {
      assert.equal(progressBar(current, total, columns), wanted);
    });
  }
});

describe("on a terminal", () => {
  test("each layer has its line, repainted in place, and the rest follows below", () => {
    const { screen, clock, view } = terminal(new Screen(120));
    view.report({ id: "3.20", status: "Pulling from library/alpine" });
    for (const n of [1, 2]) view.report({ id: layer(n), status: "Pulling fs layer" });
    clock.advance(100);
    assert.deepEqual(screen.shown, [
      "3.20: Pulling from library/alpine",
      `${layer(1)}: Pulling fs layer`,
      `${layer(2)}: Pulling fs layer`,
    ]);
    view.report({ id: layer(2), status: "Downloading", current: 50, total: 100 });
    clock.advance(100);
    assert.equal(screen.shown[2], `${layer(2)}: Downloading ${progressBar(50, 100, 120)}`);
    view.report({ id: layer(1), status: "Already exists" });
    view.report({ id: layer(2), status: "Pull complete" });
    view.line("Digest: sha256:1");
    view.line("Status: Downloaded newer image for alpine:3.20");
    assert.deepEqual(screen.shown, [
      "3.20: Pulling from library/alpine",
      `${layer(1)}: Already exists`,
      `${layer(2)}: Pull complete`,
      "Digest: sha256:1",
      "Status: Downloaded newer image for alpine:3.20",
    ]);
  });

  test("a hundred reports within a second are painted at most fifteen times, and the last one at the end", () => {
    const { screen, clock, view } = terminal();
    const before = screen.writes;
    for (let n = 1; n <= 100; n++) {
      view.report({ id: layer(1), status: "Downloading", current: n, total: 1000 });
      clock.advance(10);
    }
    assert.ok(screen.writes - before <= 16, `${screen.writes - before} paints`);
    assert.ok(screen.writes - before >= 12, `${screen.writes - before} paints`);
    view.report({ id: layer(1), status: "Pull complete" });
    view.finish();
    assert.deepEqual(screen.shown, [`${layer(1)}: Pull complete`]);
  });

  test("nothing is written while nothing changes", () => {
    const { screen, clock, view } = terminal();
    view.report({ id: layer(1), status: "Waiting" });
    clock.advance(1000);
    const before = screen.writes;
    for (let n = 0; n < 5; n++) {
      view.report({ id: layer(1), status: "Waiting" });
      clock.advance(1000);
    }
    assert.equal(screen.writes, before);
  });

  test("disposing after a failure leaves whole lines, no timer and no listener", () => {
    const { screen, clock, view } = terminal();
    assert.throws(() => {
      using shown = view;
      shown.report({ id: layer(1), status: "Downloading", current: 1, total: 10 });
      shown.report({ id: layer(1), status: "Downloading", current: 7, total: 10 });
      throw new Error("reset by peer");
    }, /reset by peer/);
    assert.deepEqual(screen.shown, [`${layer(1)}: Downloading ${progressBar(7, 10, 80)}`]);
    assert.equal(screen.lines.at(-1), "", "the cursor is below the last line");
    assert.equal(clock.pending, 0);
    assert.equal(screen.listening, 0);
    const before = screen.writes;
    view.finish();
    assert.equal(screen.writes, before);
  });

  test("two transfers or more have a total with their speed, gone when they end", () => {
    const { screen, clock, view } = terminal();
    for (const n of [1, 2])
      view.report({ id: layer(n), status: "Downloading", current: 0, total: 10_000_000 });
    clock.advance(100);
    assert.equal(screen.shown.at(-1), "Total: 0B/20MB");
    clock.advance(900);
    view.report({ id: layer(1), status: "Downloading", current: 4_000_000, total: 10_000_000 });
    clock.advance(100);
    assert.match(screen.shown.at(-1) as string, /^Total: 4MB\/20MB {2}\d(\.\d+)?MB\/s$/);
    view.report({ id: layer(1), status: "Download complete" });
    clock.advance(100);
    assert.match(screen.shown.at(-1) as string, /^Total: 10MB\/20MB /);
    view.report({ id: layer(2), status: "Extracting", current: 1, total: 10 });
    clock.advance(100);
    assert.equal(screen.shown.length, 2);
  });

  test("with more layers than rows those in work are shown; at the end all are", () => {
    const { screen, clock, view } = terminal(new Screen(80, 10));
    for (let n = 0; n < 40; n++) view.report({ id: layer(n), status: "Waiting" });
    for (let n = 0; n < 20; n++) view.report({ id: layer(n), status: "Pull complete" });
    view.report({ id: layer(30), status: "Extracting", current: 1, total: 2 });
    clock.advance(100);
    assert.ok(screen.shown.length < 10);
    assert.ok(screen.shown.some((line) => line.startsWith(`${layer(30)}: Extracting`)));
    assert.ok(screen.shown.includes("20 of 40 done, 32 not shown"), screen.shown.join("\n"));
    view.finish();
    assert.equal(screen.shown.length, 40);
    assert.equal(screen.shown[39], `${layer(39)}: Waiting`);
  });

  test("a window made narrower is painted anew without remains", () => {
    const { screen, clock, view } = terminal(new Screen(100));
    for (const n of [1, 2, 3]) view.report({ id: layer(n), status: "Extracting", current: 50, total: 100 });
    clock.advance(100);
    screen.resize(40);
    clock.advance(100);
    assert.deepEqual(
      screen.shown,
      [1, 2, 3].map((n) => `${layer(n)}: Extracting ${progressBar(50, 100, 40)}`),
    );
    screen.resize(120);
    view.report({ id: layer(1), status: "Pull complete" });
    clock.advance(100);
    view.finish();
    assert.deepEqual(screen.shown.length, 3);
    assert.equal(screen.shown[0], `${layer(1)}: Pull complete`);
  });

  test("whatever is reported, the end shows every id once with its last status", () => {
    const event = fc.record({
      id: fc.integer({ min: 1, max: 15 }).map(layer),
      status: fc.constantFrom("Waiting", "Downloading", "Pull complete"),
      wait: fc.integer({ min: 0, max: 120 }),
    });
    const size = fc.record({
      columns: fc.integer({ min: 30, max: 150 }),
      rows: fc.integer({ min: 4, max: 30 }),
    });
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 60 }), size, (events, { columns, rows }) => {
        const { screen, clock, view } = terminal(new Screen(columns, rows));
        const last = new Map<string, string>();
        for (const { id, status, wait } of events) {
          view.report({ id, status });
          last.set(id, status);
          clock.advance(wait);
        }
        view.finish();
        assert.deepEqual(
          screen.shown,
          [...last].map(([id, status]) => `${id}: ${status}`),
        );
      }),
    );
  });
});

describe("elsewhere", () => {
  const events: Progress[] = [
    { id: "3.20", status: "Pulling from library/alpine" },
    { id: layer(1), status: "Pulling fs layer" },
    { id: layer(1), status: "Downloading", current: 100, total: 200 },
    { id: layer(1), status: "Downloading", current: 200, total: 200 },
    { id: layer(1), status: "Verifying Checksum" },
    { id: layer(1), status: "Verifying Checksum" },
    { id: layer(1), status: "Pull complete" },
    { status: "Digest: sha256:1" },
  ];
  const written = (mode: "plain" | "json" | "quiet" | "auto"): string => {
    let text = "";
    const view = progressView({ write: (part: string) => (text += part) }, { mode });
    for (const event of events) view.report(event);
    view.line("done");
    view.finish();
    return text;
  };

  test("plain lines tell each change of status once and no counts, as docker pull in a pipe", () => {
    const lines = [
      "3.20: Pulling from library/alpine",
      `${layer(1)}: Pulling fs layer`,
      `${layer(1)}: Verifying Checksum`,
      `${layer(1)}: Pull complete`,
      "Digest: sha256:1",
      "done",
      "",
    ];
    assert.equal(written("plain"), lines.join("\n"));
    assert.equal(written("auto"), written("plain"));
  });

  test("B122 JSON messages have the Engine API's shape", () => {
    const bar = String.raw`[=========================\u003e                         ]     100B/200B`;
    assert.deepEqual(written("json").split("\n").slice(0, 3), [
      '{"status":"Pulling from library/alpine","id":"3.20"}',
      `{"status":"Pulling fs layer","progressDetail":{},"id":"${layer(1)}"}`,
      `{"status":"Downloading","progressDetail":{"current":100,"total":200},"progress":"${bar}","id":"${layer(1)}"}`,
    ]);
    assert.match(written("json"), /\n\{"status":"done"\}\n$/);
  });

  test("quiet writes nothing", () => assert.equal(written("quiet"), ""));
});
