/** Commands that do one thing to many containers: at the same time, told in order. */
import { isFailure } from "../errors.ts";
import { line, type App } from "./app.ts";
import { daemonOf } from "./daemon_client.ts";
import type { EngineClient } from "./engine_client/index.ts";
import { reportFailure } from "./kit/index.ts";

/** How many at a time, as docker/cli has it. */
const most = 50;

/** Prints each name that `work` was done for; returns 1 when one failed, else 0. */
export async function forEachContainer(
  app: App,
  names: readonly string[],
  work: (client: EngineClient, name: string) => Promise<unknown>,
): Promise<number> {
  const client = await daemonOf(app);
  const done: string[] = [];
  let code = 0;
  for (let from = 0; from < names.length; from += most) {
    const some = names.slice(from, from + most);
    const results = await Promise.allSettled(some.map((name) => work(client, name)));
    for (const [index, result] of results.entries()) {
      if (result.status === "fulfilled") done.push(some[index] as string);
      else if (isFailure(result.reason, "cancelled")) throw result.reason;
      else code = reportFailure(result.reason, app.stderr);
      if (result.status === "fulfilled" && !app.json) line(app, some[index] as string);
    }
  }
  if (app.json) line(app, JSON.stringify(done, null, 2));
  return code;
}
