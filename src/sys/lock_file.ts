/** Waiting for a lock without blocking a thread. */
import type { ByteString } from "../byte_string.ts";
import { AT_FDCWD, O_CREAT, O_RDWR } from "./constants.ts";
import { flock, type LockMode } from "./flock.ts";
import { read } from "./io.ts";
import { declareCalls } from "./libc.ts";
import { close, openAt } from "./open.ts";
import { cancelled, onReadable } from "./readable.ts";
import { fstat } from "./stat.ts";
import { isSysError } from "./sys_error.ts";

const calls = declareCalls({
  inotify_init1: ["int", "int"],
  inotify_add_watch: ["int", "int", "const char *", "uint32_t"],
});

const IN_CLOSE = 0x18;
const IN_NONBLOCK_CLOEXEC = 0o2004000;

/**
 * Takes a lock on the file at `path` (made, 0600, if missing), waiting on the event loop until it is free. The lock
 * holds against other processes and against other calls in this one; it ends by disposal or with the process.
 *
 * There is no event for "lock released", but a holder's close is one for inotify(7): whoever waits watches the
 * file, and asks again at each close. The timer covers what inotify misses: the kernel reports the close of a killed
 * holder just before it drops the lock (fs/file_table.c, __fput), and network file systems report nothing.
 * @throws Failure("cancelled") when `signal` aborts; SysError
 */
export async function lockFile(
  path: ByteString,
  mode: LockMode = "exclusive",
  signal: AbortSignal = neverAborted,
): Promise<AsyncDisposable & Disposable> {
  if (signal.aborted) throw cancelled(signal);
  for (;;) {
    const fd = openAt(AT_FDCWD, path, O_RDWR | O_CREAT, 0o600);
    try {
      if (!flock(fd, mode)) await waitForLock(fd, mode, signal);
      // Somebody may have removed the file meanwhile: then the others lock another one.
      if (fstat(fd).nlink > 0) return held(fd);
    } catch (error) {
      close(fd);
      throw error;
    }
    close(fd);
  }
}

/** {@link lockFile} if nobody is in its way; else undefined, at once. @throws SysError */
export function tryLockFile(path: ByteString, mode: LockMode = "exclusive"): Disposable | undefined {
  for (;;) {
    const fd = openAt(AT_FDCWD, path, O_RDWR | O_CREAT, 0o600);
    try {
      if (flock(fd, mode)) {
        if (fstat(fd).nlink > 0) return held(fd);
      } else {
        close(fd);
        return undefined;
      }
    } catch (error) {
      close(fd);
      throw error;
    }
    close(fd);
  }
}

const neverAborted = new AbortController().signal;

function held(fd: number): AsyncDisposable & Disposable {
  let open = true;
  const release = (): void => {
    if (!open) return;
    open = false;
    // Unlocked before the close, so that who wakes at the close finds it free.
    flock(fd, "unlock");
    close(fd);
  };
  return {
    [Symbol.dispose]: release,
    [Symbol.asyncDispose]: async () => release(),
  };
}

const retryMilliseconds = 100;

async function waitForLock(fd: number, mode: LockMode, signal: AbortSignal): Promise<void> {
  const watch = watchCloses(fd);
  try {
    // Again after the watch stands: the holder may have let go in between.
    while (!flock(fd, mode)) await nextTry(watch, signal);
  } finally {
    if (watch >= 0) close(watch);
  }
}

/** @returns an inotify descriptor, or -1 where there is none to be had (fs.inotify.max_user_instances) */
function watchCloses(file: number): number {
  const fd = calls().inotify_init1(IN_NONBLOCK_CLOEXEC);
  // By descriptor: another file may have the name by now.
  const path = `/proc/self/fd/${file}`;
  if (fd >= 0 && calls().inotify_add_watch(fd, path, IN_CLOSE) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

/** Returns at the next close of the file, after the timer, or throws at the abort. */
async function nextTry(watch: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, retryMilliseconds);
  const wake = (): void => resolve();
  const poll = watch < 0 ? undefined : onReadable(watch, wake);
  signal.addEventListener("abort", wake, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    poll?.close();
    signal.removeEventListener("abort", wake);
  }
  if (signal.aborted) throw cancelled(signal);
  if (watch >= 0) drain(watch);
}

const events = Buffer.alloc(4096);

/** What happened does not matter, only that it is read, or the descriptor stays readable. */
function drain(watch: number): void {
  try {
    while (read(watch, events) > 0);
  } catch (error) {
    if (!isSysError(error, "EAGAIN")) throw error;
  }
}
