import assert from "node:assert/strict";
import { test } from "node:test";
import { collect, fromBytes } from "../../bytes/index.ts";
import { Uploads } from "./uploads.ts";

const never = new AbortController().signal;

test("an upload meets its build, whichever comes first, and is let go when that is over", async () => {
  const uploads = new Uploads();
  for (const isBuildFirst of [true, false]) {
    const early = isBuildFirst ? uploads.take("a", never) : undefined;
    let isOver = false;
    const offered = uploads.offer("a", fromBytes(Buffer.from("tar")), never).then(() => (isOver = true));
    {
      using upload = await (early ?? uploads.take("a", never));
      assert.equal(Buffer.from(await collect(upload.body, 10, "it")).toString(), "tar");
      assert.equal(isOver, false);
    }
    assert.equal(await offered, true);
  }
});

test("nobody waits for ever", async () => {
  const uploads = new Uploads(1);
  await assert.rejects(uploads.take("a", never), { kind: "not-found" });
  await assert.rejects(uploads.offer("a", fromBytes(Buffer.of()), never), { kind: "not-found" });
  const stop = new AbortController();
  const offered = uploads.offer("a", fromBytes(Buffer.of()), stop.signal);
  await assert.rejects(uploads.offer("a", fromBytes(Buffer.of()), never), { kind: "conflict" });
  stop.abort();
  await assert.rejects(offered, { kind: "cancelled" });
});
