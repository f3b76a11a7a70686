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
