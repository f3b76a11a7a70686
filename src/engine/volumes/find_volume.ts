/** A volume by its name. */
import { Failure } from "../../errors.ts";
import type { Store } from "../../store/index.ts";
import type { Volume } from "../../wire/index.ts";
import { readVolume } from "./volume_folder.ts";

/** @throws Failure("not-found"): `get x: no such volume` */
export function findVolume(store: Store, name: string): Volume {
  const volume = readVolume(store, name);
  if (volume === undefined) throw new Failure("not-found", `get ${name}: no such volume`);
  return volume;
}
