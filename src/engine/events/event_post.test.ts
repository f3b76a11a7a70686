import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../test/suites/scratch.ts";
import { fromText } from "../../byte_string.ts";
import { AT_FDCWD, close, flock, O_NONBLOCK, O_WRONLY, openAt } from "../../sys/index.ts";
import { EventBus, type EngineEvent } from "./event_bus.ts";
import { collectPost, postEvents } from "./event_post.ts";

function makeRoot(): ReturnType<typeof scratch> {
  const root = scratch("events");
  mkdirSync(join(root.path, "varve"));
  return root;
}

function heard(bus: EventBus, count: number): Promise<readonly EngineEvent[]> {
  return new Promise((resolve) => {
    bus.listen(() => void (bus.recent.length === count && resolve(bus.recent)));
  });
}

test("what happens in another process is told by the daemon, in order and whole", async () => {
  using root = makeRoot();
  const [own, other] = [new EventBus(), new EventBus()];
  using end = new DisposableStack();
  end.use(collectPost(root.path, own));
  postEvents(root.path, other);
  const both = heard(own, 2);
  // Beyond what a FIFO takes in one piece.
  other.tell("container", "create", "1", { name: "web", label: "x".repeat(20_000) });
  other.tell("volume", "destroy", "data", { driver: "local" });
  const [create, destroy] = await both;
  assert.equal(create?.Action, "create");
  assert.equal(create?.Actor.Attributes["label"]?.length, 20_000);
  assert.deepEqual(destroy?.Actor, { ID: "data", Attributes: { driver: "local" } });
  assert.equal(statSync(join(root.path, "varve/events")).mode & 0o7777, 0o600);
});

test("those who post at the same time keep nobody from it, nor does what is torn", async () => {
  using root = makeRoot();
  const [own, other] = [new EventBus(), new EventBus()];
  using end = new DisposableStack();
  end.use(collectPost(root.path, own));
  postEvents(root.path, other);
  const path = join(root.path, "varve/events");
  const fd = openAt(AT_FDCWD, fromText(path), O_WRONLY | O_NONBLOCK);
  end.defer(() => close(fd));
  assert.equal(flock(fd, "exclusive"), true);
  appendFileSync(path, '{"Type":"image","Act');
  const one = heard(own, 1);
  other.tell("volume", "create", "data");
  assert.equal((await one)[0]?.Action, "create");
});

test("without a daemon nothing is posted, and nothing fails", () => {
  using root = makeRoot();
  const bus = new EventBus();
  postEvents(root.path, bus);
  bus.tell("image", "pull", "a:1");
  collectPost(root.path, new EventBus())[Symbol.dispose]();
  bus.tell("image", "pull", "a:2");
  assert.equal(bus.recent.length, 2);
});

test("what is no event is passed over", async () => {
  using root = makeRoot();
  const bus = new EventBus();
  using end = new DisposableStack();
  end.use(collectPost(root.path, bus));
  const one = heard(bus, 1);
  const wrong = ["{", "null", "[]", '{"Type":"daemon","Action":"x","Actor":{"ID":"","Attributes":{}}}', "\0"];
  const event = { Type: "image", Action: "tag", Actor: { ID: "1", Attributes: { name: "a:1" } } };
  appendFileSync(join(root.path, "varve/events"), `${[...wrong, JSON.stringify(event)].join("\n")}\n`);
  assert.equal((await one)[0]?.Action, "tag");
});
