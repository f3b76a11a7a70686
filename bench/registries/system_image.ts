/** An image as large as real ones, in several layers, as those are pulled side by side. */
import { entries, fractionOf, keyOf, sampleFiles } from "../images/system.ts";
import type { ImageRecipe } from "../images/recipe.ts";

const layerCount = 6;

/** A sample of this machine's /usr, dealt out to layers. */
export function systemLayers(quick: boolean): ImageRecipe {
  const megabytes = quick ? 30 : 400;
  const found = sampleFiles(megabytes * 2 ** 20);
  const layers = Array.from({ length: layerCount }, (_, layer) => {
    const isHere = (path: string) => Math.floor(fractionOf(`${path}#`) * layerCount) === layer;
    return found.filter(({ path, stats }) => stats.isDirectory() || isHere(path));
  });
  return {
    name: "system-layers",
    title: `${layerCount} layers, ${megabytes} MiB of this machine's /usr`,
    key: `layers-${layerCount}-${keyOf(found)}`,
    layers: layers.map((own) => () => entries("/", own)),
  };
}
