/** What a migration left that was killed, or given up. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readMigration } from "../migrate/marker.ts";
import { unlessMigrating } from "../migrate/one_at_a_time.ts";
import { loserOf, settleMigration } from "../migrate/remains.ts";
import { storePaths } from "../paths.ts";
import type { Store } from "../types.ts";
import type { Garbage } from "./types.ts";

/** One item for all of it: what the driver holds that is not in force. Nothing while a migration runs. */
export async function findMigration(store: Store): Promise<Garbage[]> {
  const { root } = store;
  const found = await unlessMigrating(store, async () => readMigration(root));
  if (found === undefined) return [];
  const loser = loserOf(root, found);
  const { driver, images, layerIndex, own } = storePaths(root, loser ?? found.from);
  const paths = loser === undefined ? [] : [driver, images, layerIndex];
  return [
    {
      kind: "migration",
      what: loser === undefined ? join(own, "migration") : driver,
      reason: `the migration from ${found.from} to ${found.to} was not finished`,
      paths: paths.filter((path) => existsSync(path)),
      remove: async () => {
        await unlessMigrating(store, async () => {
          const now = readMigration(root);
          return now === undefined || (await settleMigration(root, now));
        });
      },
    },
  ];
}
