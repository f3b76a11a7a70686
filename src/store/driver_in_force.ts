/**
 * Which storage driver keeps the images of a root: `ROOT/varve/driver`, one word. A migration alone writes it; a root
 * without it is of the driver whose images lie there.
 */
import { join } from "node:path";
import { driverNames, type DriverName } from "../driver/index.ts";
import { Failure } from "../errors.ts";
import { ensureDirectory, writeAtomically } from "./atomic_write.ts";
import { modes } from "./paths.ts";
import { readTextIfThere } from "./read_small.ts";

const pathIn = (root: string): string => join(root, "varve", "driver");

/** The driver in force, or undefined. Throws `Failure("unsupported")` for one that this varve does not know. */
export function driverInForce(root: string): DriverName | undefined {
  const text = readTextIfThere(pathIn(root));
  const name = driverNames.find((known) => known === text);
  if (text === undefined || name !== undefined) return name;
  throw new Failure(
    "unsupported",
    `the images of ${root} are kept by "${text}", a storage driver that this varve does not know`,
  );
}

/** The one write by which a root changes its driver. Durable. */
export async function putInForce(root: string, name: DriverName): Promise<void> {
  await ensureDirectory(join(root, "varve"), modes.private);
  await writeAtomically(pathIn(root), `${name}\n`, modes.privateFile);
}

/**
 * A look for stores that were open when the root changed its driver: what they write would be lost. For the store of
 * `name`, returns a check that throws `Failure("conflict")` once another driver is in force; a store that was opened
 * beside the one in force is left alone.
 */
export function watchDriver(root: string, name: DriverName): () => void {
  const before = driverInForce(root);
  if (before !== undefined && before !== name) return () => undefined;
  return () => {
    const now = driverInForce(root);
    if (now === undefined || now === name) return;
    throw new Failure("conflict", `the images of ${root} have moved from ${name} to ${now} meanwhile`, {
      hint: "Run the command again.",
    });
  };
}
