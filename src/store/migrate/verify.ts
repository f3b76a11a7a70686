/** Whether nothing was lost on the way. */
import { Failure } from "../../errors.ts";
import { checkStore } from "../check.ts";
import type { Store } from "../types.ts";
import { neededLayers } from "./plan_layers.ts";

/**
 * Holds all that `target` says against `source`: images with parent and time, layers, names, containers; and looks
 * whether it is whole. The layers' bytes were verified when they were copied. Throws `Failure("corrupt")`.
 */
export async function verify(source: Store, target: Store): Promise<void> {
  same("images", await imagesOf(source), await imagesOf(target));
  same("layers", await layersOf(source), await layersOf(target));
  same("names", [...(await source.names.all())].sort(), [...(await target.names.all())].sort());
  same("containers", await containersOf(source), await containersOf(target));
  // What is damaged in the source, such as a name without its image, is as damaged in the target, and no worse.
  const known = new Set((await checkStore(source)).map(({ subject }) => subject));
  const fresh = (await checkStore(target)).find(
    ({ subject, message }) => !known.has(subject) && message !== "nothing refers to it",
  );
  if (fresh !== undefined) throw wrong(`${fresh.subject}: ${fresh.message}`);
}

async function imagesOf(store: Store): Promise<unknown[]> {
  const images = await Promise.all((await store.images.list()).sort().map((id) => store.images.get(id)));
  return images.map((image) => [image?.id, image?.parent, image?.lastUpdated]);
}

async function layersOf(store: Store): Promise<unknown[]> {
  const layers = await neededLayers(store);
  return layers.map(({ chainId, diffId, parent, size }) => [chainId, diffId, parent, size]).sort();
}

async function containersOf(store: Store): Promise<unknown[]> {
  const ids = (await store.containers.list()).sort();
  return Promise.all(ids.map((id) => store.containers.get(id)));
}

function same(what: string, before: readonly unknown[], after: readonly unknown[]): void {
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  throw wrong(`the ${what} are not the same`);
}

function wrong(message: string): Failure {
  return new Failure("corrupt", `migration stopped before the switch: ${message}`, {
    hint: "Nothing has changed. `varve system check --deep` says what is damaged.",
  });
}
