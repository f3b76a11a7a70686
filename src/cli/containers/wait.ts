import { isFailure } from "../../errors.ts";
import { line, type App } from "../app.ts";
import { daemonOf } from "../daemon_client.ts";
import { pathOf } from "../engine_client/index.ts";
import { reportFailure } from "../kit/index.ts";
import { exitOf } from "./foreground.ts";

/** Waits for all at the same time and prints their exit codes in order; returns 1 when one is not there. */
export async function waitForContainers(
  app: App,
  names: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const client = await daemonOf(app);
  const ends = names.map(async (name) => {
    const waiting = await client.stream("POST", pathOf`/containers/${name}/wait`, { signal });
    return exitOf(waiting, name);
  });
  for (const end of ends) end.catch(() => undefined);
  let code = 0;
  const found: object[] = [];
  for (const [index, end] of ends.entries()) {
    try {
      const StatusCode = await end;
      found.push({ Container: names[index], StatusCode });
      if (!app.json) line(app, String(StatusCode));
    } catch (error) {
      if (isFailure(error, "cancelled") || signal.aborted) throw error;
      code = reportFailure(error, app.stderr);
    }
  }
  if (app.json) line(app, JSON.stringify(found, null, 2));
  return code;
}
