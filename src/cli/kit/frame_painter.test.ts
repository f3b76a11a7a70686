import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock, Screen } from "../../../test/suites/terminal.ts";
import { FramePainter, type PaintLine, type PaintOptions } from "./frame_painter.ts";

function painted(options: PaintOptions = {}, screen = new Screen(20, 8)) {
  const clock = new Clock();
  const frame: PaintLine[] = [];
  const painter = new FramePainter(screen, () => frame, { now: clock.now, after: clock.after, ...options });
  return { screen, clock, frame, painter };
}

test("lines for good go above the frame, in the same write", () => {
  const { screen, clock, frame, painter } = painted();
  frame.push("running 1", "running 2");
  painter.change();
  frame.shift();
  painter.settle("done 1");
  clock.advance(100);
  assert.equal(screen.writes, 2);
  assert.deepEqual(screen.shown, ["done 1", "running 2"]);
  painter.settle("done 2, which is cut to the width");
  painter.finish();
  assert.deepEqual(screen.shown, ["done 1", "done 2, which is c…"]);
  assert.deepEqual([clock.pending, screen.listening], [0, 0]);
});

test("a frame that shows times is painted without being told, until it ends", () => {
  const { screen, clock, frame, painter } = painted({ tick: 100 });
  frame.push("0.0s");
  painter.change();
  for (const text of ["0.1s", "0.2s", "0.3s"]) {
    frame[0] = text;
    clock.advance(100);
    assert.deepEqual(screen.shown, [text]);
  }
  painter.finish(["last"]);
  assert.deepEqual([screen.shown, clock.pending], [["last"], 0]);
});

test("styles are of whole lines, and none of them without colours", () => {
  const line = { text: "dim", style: "dim" } as const;
  const colored = painted();
  colored.painter.settle(line);
  assert.equal(colored.screen.raw, "\x1b[2mdim\x1b[0m\x1b[K\n\x1b[J");
  const plain = painted({ colors: false });
  plain.painter.settle(line);
  assert.equal(plain.screen.raw, "dim\x1b[K\n\x1b[J");
});

test("finishing without having painted writes nothing, and painting may begin anew", () => {
  const { screen, frame, painter } = painted();
  painter.finish();
  assert.equal(screen.raw, "");
  frame.push("again");
  painter.change();
  painter.finish(["end"]);
  painter.finish();
  assert.deepEqual(screen.shown, ["end"]);
});
