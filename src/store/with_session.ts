/** An operation that makes things in the store, and leaves none of them behind when it fails. */
import { explainDiskFull } from "./disk_full.ts";
import { recoverClaims } from "./recover.ts";
import { openSession, type Session } from "./sessions.ts";
import type { Store } from "./types.ts";

/**
 * Runs `work` in a session of its own. Whatever it makes (driver directories, layers, images) it claims first, by
 * {@link Session.claim}. When it fails, what it claimed and nothing refers to is taken back; when the process dies,
 * the next garbage collection does the same. When it succeeds, all that it claimed must be referred to by then.
 * A full disk is told as one `Failure("no-space")` that names the data root.
 */
export async function withSession<T>(store: Store, work: (session: Session) => Promise<T>): Promise<T> {
  try {
    return await inSession(store, work);
  } catch (error) {
    throw explainDiskFull(store.root, error);
  }
}

async function inSession<T>(store: Store, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession(store);
  let result: T;
  try {
    result = await work(session);
  } catch (error) {
    try {
      await recoverClaims(store, session);
      await session.finish();
    } catch {
      // The first failure is the one to report. The session stays as a dead one, with its claims: gc finishes it.
      session.abandon();
    }
    throw error;
  }
  await session.finish();
  return result;
}
