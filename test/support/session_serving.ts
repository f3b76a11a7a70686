/** A client of BuildKit's session protocol that serves what a test says. */
import assert from "node:assert/strict";
import { type Duplex, duplexPair } from "node:stream";
import { Sessions, type Session } from "../../src/buildkit/index.ts";
import { serveGrpc, type Methods } from "../../src/rpc/index.ts";

/** Disposal breaks the connection. @param sharedKey which of the client's directories it is */
export function sessionServing(methods: Methods, sharedKey = ""): Disposable & { readonly session: Session } {
  const [near, far] = duplexPair() as [Duplex, Duplex];
  const served = serveGrpc(far, methods, (bug) => assert.fail(String(bug)));
  const introduction = { id: "id", name: "app", sharedKey, methods: Object.keys(methods) };
  const session = new Sessions().take(near, introduction);
  const stop = (): void => {
    session.client[Symbol.dispose]();
    served.destroy();
  };
  return { session, [Symbol.dispose]: stop };
}
