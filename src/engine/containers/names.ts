/** Names for containers whose user gave none: an adjective and a noun from the world of sediments. */
import { randomInt } from "node:crypto";
import { Failure } from "../../errors.ts";
import type { ContainerRecord } from "./record.ts";

const adjectives =
  "ancient banded brittle calm clear coarse cold dark deep dense drifting early fine folded glacial grey hidden " +
  "laminated late light marine muddy narrow pale patient quiet red rippled sandy settled shallow silent slow soft " +
  "steady still stratified summer tilted undisturbed veined warm weathered winter";
const nouns =
  "alluvium ammonite amber basalt basin bed boulder calcite chalk clay coral core delta diatom dolomite drift dune " +
  "esker facies fossil geode glacier gneiss granite gravel gypsum lagoon lake limestone loam loess marl moraine " +
  "mudstone outcrop pebble quartz reef sandstone schist seam shale silt slate stratum tuff varve";

/** A random name that `taken` does not hold. */
export function randomName(taken: ReadonlySet<string>): string {
  const pick = (words: string): string => {
    const list = words.split(" ");
    return list[randomInt(list.length)] as string;
  };
  for (;;) {
    const name = `${pick(adjectives)}_${pick(nouns)}`;
    if (!taken.has(name)) return name;
    const numbered = `${name}${randomInt(10_000)}`;
    if (!taken.has(numbered)) return numbered;
  }
}

/** Throws `Failure("invalid")` in Docker's words for a name that Docker would not take. */
function checkName(name: string): void {
  if (/^\/?[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) return;
  throw new Failure(
    "invalid",
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

/**
 * The name that `wanted` is, without slash, when nobody has it.
 * @throws Failure("conflict") in Docker's words, `invalid` for what is no name
 */
export function freeName(wanted: string, records: readonly Pick<ContainerRecord, "ID" | "Name">[]): string {
  checkName(wanted);
  const name = wanted.replace(/^\//, "");
  const holder = records.find((record) => record.Name === `/${name}`);
  if (holder === undefined) return name;
  throw new Failure(
    "conflict",
    `Conflict. The container name "/${name}" is already in use by container "${holder.ID}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}
