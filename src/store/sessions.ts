/**
 * Who is making what right now. A session is a directory `ROOT/varve/sessions/<16 hex>/`: its file `lock` is flocked
 * while the operation lives, its file `claims` lists what the operation makes or relies on, and its staging files lie
 * beside them. The kernel drops the lock of a process that dies, however it dies, so nobody has to guess:
 *
 * - what a live session claims is left alone by everybody else;
 * - what a dead one claims, and nothing else refers to, is garbage at once.
 *
 * `claims` holds lines `+name` and `-name` in order, appended in single writes. A name is a driver's cache ID (64 hex
 * digits, perhaps with `-init`), a chain ID or, with `image:` before it, an image ID. It is on record before the thing
 * exists. It needs no fsync: what a loss of power takes with it is also taken from the lock.
 */
import { randomBytes } from "node:crypto";
import { appendFileSync, closeSync, mkdirSync, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { flock } from "../sys/index.ts";
import { listIfThere, readTextIfThere } from "./read_small.ts";
import type { Store } from "./types.ts";

/** What sessions need of a store. */
export type SessionStore = Pick<Store, "root" | "withLock">;

/** One operation's place to work in. */
export interface Session {
  /** For files that are to be renamed into the store; goes with the session. */
  readonly directory: string;
  /** What is claimed at present, oldest first. */
  readonly claims: ReadonlySet<string>;
  /** Puts names on record, before the things are made or relied on. */
  claim(...names: readonly string[]): Promise<void>;
  /** Strikes names off: they are referred to from the store now, or gone. */
  settle(...names: readonly string[]): Promise<void>;
}

/** A session that the caller has to end: `finish` removes it, `abandon` leaves it behind as a dead one. */
export interface OpenSession extends Session {
  finish(): Promise<void>;
  abandon(): void;
}

export interface DeadSession {
  readonly directory: string;
  readonly claims: ReadonlySet<string>;
}

export interface Sessions {
  /** All that living sessions claim. */
  readonly live: ReadonlySet<string>;
  readonly dead: readonly DeadSession[];
}

/** Held while a session's directory comes or is judged dead: a directory without its lock yet must not look dead. */
const sessionsLock = "sessions";

/** Starts a session. */
export async function openSession(store: SessionStore): Promise<OpenSession> {
  const directory = join(sessionsFolder(store), randomBytes(8).toString("hex"));
  const lock = await store.withLock(sessionsLock, async () => {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const fd = openSync(join(directory, "lock"), "a", 0o600);
    flock(fd, "exclusive");
    return fd;
  });
  return new FolderSession(store, directory, lock);
}

class FolderSession implements OpenSession {
  readonly directory: string;
  readonly claims = new Set<string>();
  readonly #store: SessionStore;
  readonly #lock: number;

  constructor(store: SessionStore, directory: string, lock: number) {
    this.#store = store;
    this.directory = directory;
    this.#lock = lock;
  }

  async claim(...names: readonly string[]): Promise<void> {
    const fresh = names.filter((name) => !this.claims.has(name));
    this.#record("+", fresh);
    for (const name of fresh) this.claims.add(name);
  }

  async settle(...names: readonly string[]): Promise<void> {
    const known = names.filter((name) => this.claims.delete(name));
    this.#record("-", known);
  }

  async finish(): Promise<void> {
    try {
      // Half removed, without its lock file, it would look like a dead one.
      await this.#store.withLock(sessionsLock, () => rm(this.directory, { recursive: true, force: true }));
    } finally {
      closeSync(this.#lock);
    }
  }

  abandon(): void {
    closeSync(this.#lock);
  }

  #record(sign: "+" | "-", names: readonly string[]): void {
    if (names.length === 0) return;
    const lines = names.map((name) => `${sign}${name}\n`).join("");
    appendFileSync(join(this.directory, "claims"), lines, { mode: 0o600 });
  }
}

/**
 * Reads all sessions. To learn what is garbage, list the things first, then call this, then read what refers to them:
 * a thing is claimed before it is made and struck off after it is referred to, so one of the two is always seen.
 */
export async function readSessions(store: SessionStore, own?: Session): Promise<Sessions> {
  const live = new Set<string>();
  const dead: DeadSession[] = [];
  await store.withLock(sessionsLock, async () => {
    for (const directory of othersOf(store, own)) {
      const alive = isLocked(join(directory, "lock"));
      const claims = readClaims(directory);
      if (alive) for (const claim of claims) live.add(claim);
      else dead.push({ directory, claims });
    }
  });
  return { live, dead };
}

/** Whether a session other than `own` lives. */
export async function hasLiveSession(store: SessionStore, own: Session): Promise<boolean> {
  return (await unlessLiveSession(store, own, async () => true)) === undefined;
}

/** Runs `work`, during which no session can begin; undefined if one other than `own` lives. */
export async function unlessLiveSession<T>(
  store: SessionStore,
  own: Session,
  work: () => Promise<T>,
): Promise<T | undefined> {
  return store.withLock(sessionsLock, async () => {
    const lives = othersOf(store, own).some((directory) => isLocked(join(directory, "lock")));
    return lives ? undefined : work();
  });
}

function othersOf(store: SessionStore, own: Session | undefined): string[] {
  return listIfThere(sessionsFolder(store))
    .map((name) => join(sessionsFolder(store), name))
    .filter((directory) => directory !== own?.directory);
}

export function sessionsFolder(store: Pick<Store, "root">): string {
  return join(store.root, "varve", "sessions");
}

/** Whether a living process holds the lock; a session that has just ended counts as dead, with nothing left of it. */
function isLocked(path: string): boolean {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  try {
    return !flock(fd, "exclusive");
  } finally {
    closeSync(fd);
  }
}

function readClaims(directory: string): Set<string> {
  const claims = new Set<string>();
  for (const line of (readTextIfThere(join(directory, "claims")) ?? "").split("\n")) {
    const name = line.slice(1);
    if (line.startsWith("+")) claims.add(name);
    else claims.delete(name);
  }
  return claims;
}
