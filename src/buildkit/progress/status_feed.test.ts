import assert from "node:assert/strict";
import { test } from "node:test";
import { StatusFeed, timestamp, type StatusUpdate } from "./index.ts";

const never = new AbortController().signal;
const named = (name: string): StatusUpdate => ({ vertexes: [{ name }] });
const printed = (size: number): StatusUpdate => ({ logs: [{ message: Buffer.alloc(size) }] });

async function all(updates: AsyncIterable<StatusUpdate>): Promise<StatusUpdate[]> {
  return Array.fromAsync(updates);
}

const namesOf = (updates: readonly StatusUpdate[]) =>
  updates.flatMap(({ vertexes = [] }) => vertexes.map(({ name }) => name));

test("the first reader hears all from the beginning, the next from where he comes; the end ends both", async () => {
  const feed = new StatusFeed();
  feed.push(named("a"));
  const first = feed.read(never);
  assert.deepEqual(namesOf([(await first.next()).value as StatusUpdate]), ["a"]);
  const second = all(feed.read(never));
  feed.push(named("b"));
  feed.push(named("c"));
  feed.end();
  assert.deepEqual(namesOf(await all(first)), ["b", "c"]);
  assert.deepEqual(namesOf(await second), ["b", "c"]);
  assert.deepEqual(await all(feed.read(never)), []);
});

test("who comes when all is over still hears it; who leaves is no longer waited for", async () => {
  const feed = new StatusFeed();
  feed.push(named("a"));
  feed.end();
  assert.deepEqual(namesOf(await all(feed.read(never))), ["a"]);

  const other = new StatusFeed();
  const leaving = new AbortController();
  const reading = all(other.read(leaving.signal));
  other.push(printed(1 << 20));
  assert.ok(other.room() !== undefined);
  leaving.abort();
  await reading;
  assert.equal(other.room(), undefined);
});

test("a slow reader holds output up, loses bars and nothing else, and gets no message that is too long", async () => {
  const feed = new StatusFeed();
  const reader = feed.read(never);
  feed.push(named("a"));
  await reader.next();
  for (let i = 0; i < 3; i++) feed.push(printed(300_000));
  const room = feed.room();
  assert.ok(room !== undefined);
  const bar = { id: "x", vertex: "v", current: 1 };
  feed.push({ statuses: [bar] });
  feed.push({ statuses: [{ ...bar, completed: timestamp(0) }] });
  feed.push(named("b"));
  feed.end();
  const rest = await all(reader);
  await room;
  assert.equal(rest.length, 3);
  assert.deepEqual(
    rest.flatMap(({ statuses = [] }) => statuses.map(({ completed }) => completed !== undefined)),
    [true],
  );
  assert.equal(rest.flatMap(({ logs = [] }) => logs).length, 3);
  assert.deepEqual(namesOf(rest), ["b"]);
});

test("nobody looks on: commands are not held up, and of their output a part is kept", async () => {
  const feed = new StatusFeed();
  for (let i = 0; i < 10; i++) feed.push(printed(100_000));
  assert.equal(feed.room(), undefined);
  feed.push(named("a"));
  feed.end();
  const kept = await all(feed.read(never));
  assert.equal(kept.flatMap(({ logs = [] }) => logs).length, 3);
  assert.deepEqual(namesOf(kept), ["a"]);
});
