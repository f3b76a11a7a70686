/**
 * `Control.Session` (moby/buildkit, control/control.go, session/grpchijack): a session on a call of the client's instead of
 * a connection of its own. `docker buildx bake` opens one for what its targets share.
 */
import { once } from "node:events";
import { duplexPair, type Duplex } from "node:stream";
import { bidirectional, bytes, message, type Methods } from "../../rpc/index.ts";
import { introductionOf } from "./session.ts";
import type { Sessions } from "./sessions.ts";

const BytesMessage = message({ data: bytes(1) });

/** The call lasts as long as the session. @throws Failure where {@link Sessions.take} does */
export function sessionCall(sessions: Sessions): Methods[string] {
  return bidirectional(BytesMessage, BytesMessage, async function* (pieces, { headers }) {
    const [near, far] = duplexPair();
    const session = sessions.take(near, introductionOf(headers));
    session.closed.addEventListener("abort", () => far.destroy(), { once: true });
    void fill(far, pieces);
    try {
      for await (const data of far) yield { data: data as Uint8Array };
    } catch (error) {
      // An end in between is one like any other.
      if (!far.destroyed) throw error;
    } finally {
      near.destroy();
    }
  });
}

/** Ends with the client's half of the call, which is the end of the session. */
async function fill(far: Duplex, pieces: AsyncIterable<{ readonly data: Uint8Array }>): Promise<void> {
  try {
    for await (const { data } of pieces) if (!far.write(data)) await once(far, "drain");
  } catch {
    // The client has gone, or the session has ended.
  } finally {
    far.destroy();
  }
}
