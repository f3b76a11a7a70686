import assert from "node:assert/strict";
import { once } from "node:events";
import { openSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import * as sys from "./index.ts";

test(
  "a file goes into a socket up to its end; a full socket says so, and when it can be written again",
  { skip: unlessLinux },
  async () => {
    using dir = scratch("send-file");
    writeFileSync(join(dir.path, "f"), Buffer.alloc(32 << 20, "sent by the kernel"));
    const file = openSync(join(dir.path, "f"), "r");
    const server = createServer();
    await once(server.listen(0, "127.0.0.1"), "listening");
    const accepted = once(server, "connection") as Promise<[Socket]>;
    const reader = connect((server.address() as AddressInfo).port, "127.0.0.1");
    const [socket] = await accepted;
    const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd: number } };
    const copy = sys.duplicate(handle.fd);
    let sent = 0;
    let count: number | undefined;
    // Nobody reads.
    while ((count = await sys.sendFileInPool(copy, file, 1 << 20)) !== undefined) sent += count;
    assert.ok(sent > 0 && sent < 32 << 20, `${sent}`);
    await assert.rejects(sys.whenWritable(copy, AbortSignal.abort()), { kind: "cancelled" });
    let received = 0;
    reader.on("data", (chunk) => (received += chunk.length));
    for (; count !== 0; count = await sys.sendFileInPool(copy, file, 1 << 20)) {
      if (count === undefined) await sys.whenWritable(copy, AbortSignal.timeout(60_000));
      else sent += count;
    }
    assert.equal(sent, 32 << 20);
    socket.end();
    sys.close(copy);
    await once(reader, "end");
    assert.equal(received, sent);
    sys.close(file);
    server.close();
  },
);
