import assert from "node:assert/strict";
import { once } from "node:events";
import { duplexPair, type Duplex } from "node:stream";
import { test } from "node:test";
import type { Attachment } from "../../engine/index.ts";
import { stayAttached } from "./stay_attached.ts";

function attachment(): Attachment {
  const { promise, resolve } = Promise.withResolvers<"ended">();
  return { ended: promise, close: () => resolve("ended") };
}

const gone: Record<string, (connection: Duplex) => Promise<void>> = {
  before: async (connection) => {
    connection.destroy();
    await once(connection, "close");
    await stayAttached(connection, attachment(), true);
  },
  meanwhile: async (connection) => {
    const staying = stayAttached(connection, attachment(), false);
    connection.destroy();
    await staying;
  },
};

for (const [when, leave] of Object.entries(gone)) {
  test(`a client that has gone ${when} does not stay attached`, async () => {
    const [connection] = duplexPair();
    await leave(connection);
    assert.equal(connection.destroyed, true);
  });
}

test("the end of the streams ends the connection", async () => {
  const [connection, client] = duplexPair();
  const streams = attachment();
  const staying = stayAttached(connection, streams, false);
  streams.close();
  await staying;
  client.resume();
  await once(client, "end");
  assert.equal(connection.writableEnded, true);
});
