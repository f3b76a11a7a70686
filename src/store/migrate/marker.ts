/**
 * `ROOT/varve/migration`: that the root is on its way from one driver to another. It is there from before the first
 * layer is copied until the last trace of the loser is gone, so that whatever a crash leaves has an owner.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { driverNames, type DriverName } from "../../driver/index.ts";
import { syncDirectory, writeAtomically } from "../atomic_write.ts";
import { modes } from "../paths.ts";
import { readTextIfThere } from "../read_small.ts";

export interface Migration {
  readonly from: DriverName;
  readonly to: DriverName;
  /** Whether `from` is to stay when `to` is in force. */
  readonly keep: boolean;
}

const pathIn = (root: string): string => join(root, "varve", "migration");

/** The migration under way, or undefined. */
export function readMigration(root: string): Migration | undefined {
  const [from, to, keep] = (readTextIfThere(pathIn(root)) ?? "").split(" ");
  const known = (name: string | undefined) => driverNames.find((each) => each === name);
  const [source, target] = [known(from), known(to)];
  if (source === undefined || target === undefined) return undefined;
  return { from: source, to: target, keep: keep === "keep" };
}

/** Durable. */
export async function writeMigration(root: string, { from, to, keep }: Migration): Promise<void> {
  await writeAtomically(pathIn(root), `${from} ${to} ${keep ? "keep" : "remove"}\n`, modes.privateFile);
}

export async function dropMigration(root: string): Promise<void> {
  await rm(pathIn(root), { force: true });
  await syncDirectory(join(root, "varve"));
}
