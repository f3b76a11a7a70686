/** Whether it happened within that many seconds; a negative number is for ever. */
export async function within(seconds: number, event: Promise<unknown>): Promise<boolean> {
  if (seconds < 0) return event.then(() => true);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), seconds * 1000);
  try {
    return await Promise.race([event.then(() => true), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for the end of it, whatever that is. */
export async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}
