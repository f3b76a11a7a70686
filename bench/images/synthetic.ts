/** Images that exercise one thing each. */
import type { PackedEntry } from "../../src/tar/index.ts";
import { directoryEntry, fileEntry, type ImageRecipe } from "./recipe.ts";
import { numbers, text } from "./text.ts";

/** One layer of many small files, such as a `node_modules` is. */
export function smallFiles(quick: boolean): ImageRecipe {
  const directories = quick ? 40 : 820;
  const perDirectory = 50;
  return {
    name: "small",
    title: `1 layer, ${(directories * perDirectory).toLocaleString("en")} small files`,
    key: `small-${directories}-${perDirectory}-1`,
    layers: [() => packages(directories, perDirectory)],
  };
}

function* packages(directories: number, perDirectory: number): Generator<PackedEntry> {
  const next = numbers(11);
  yield directoryEntry("app");
  yield directoryEntry("app/node_modules");
  for (let d = 0; d < directories; d++) {
    const directory = `app/node_modules/package-${d}`;
    yield directoryEntry(directory);
    yield directoryEntry(`${directory}/lib`);
    for (let f = 0; f < perDirectory; f++) {
      // Mostly short, some of a few pages.
      const size = 100 + next(f % 5 === 0 ? 12_000 : 2000);
      const where = f % 2 === 0 ? directory : `${directory}/lib`;
      yield fileEntry(`${where}/module-${f}.js`, text(size, d * perDirectory + f + 1));
    }
  }
}

/** Many layers of a few files. Each changes a directory of the one below it. */
export function manyLayers(quick: boolean): ImageRecipe {
  const layers = quick ? 10 : 100;
  return {
    name: "layers",
    title: `${layers} layers of 25 files`,
    key: `layers-${layers}-1`,
    layers: Array.from({ length: layers }, (_, index) => () => smallLayer(index)),
  };
}

function* smallLayer(index: number): Generator<PackedEntry> {
  const next = numbers(index + 101);
  yield directoryEntry("srv");
  yield directoryEntry(`srv/step-${index}`);
  for (let f = 0; f < 24; f++) {
    yield fileEntry(`srv/step-${index}/file-${f}`, text(1000 + next(16_000), index * 100 + f + 1));
  }
  yield fileEntry("srv/latest", Buffer.from(`${index}\n`));
}

/** Pulled once by every engine before anything is measured: programs are then in memory, and compiled. */
export function tinyImage(): ImageRecipe {
  const layer = () => [directoryEntry("srv"), fileEntry("srv/file", text(1000, 1))];
  return { name: "tiny", title: "1 file", key: "tiny-1", layers: [layer] };
}
