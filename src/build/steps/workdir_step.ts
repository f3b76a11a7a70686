/** `WORKDIR`: the directory is made if it is not there (behaviours B070). */
import { fromText } from "../../byte_string.ts";
import { layerOf, openLayersView, stackOf } from "../../image/index.ts";
import type { ContainerConfig } from "../../oci/index.ts";
import type { Store, StoredLayer } from "../../store/index.ts";
import { packTar } from "../../tar/index.ts";
import type { StageRun } from "../build_run.ts";
import type { Work } from "../step.ts";
import { timeOfFiles } from "./time_of_files.ts";

/** @param config after the instruction */
export function workdirWork(run: StageRun, config: ContainerConfig): Work {
  const path = config.WorkingDir ?? "/";
  const { services, options, signal } = run.build;
  const { store } = services;
  return {
    kind: "workdir",
    inputs: { path },
    independent: false,
    useCache: run.useCache,
    async make(below) {
      const layers = await stackOf(store, below.diffIds);
      if (path === "/" || isDirectory(store, layers, path)) return packTar([]);
      const time = timeOfFiles(options);
      return packTar(await layerOf(store, layers, [{ path, directory: true }], { time, signal }));
    },
  };
}

function isDirectory(store: Store, layers: readonly StoredLayer[], path: string): boolean {
  using tree = openLayersView(store, layers);
  return tree.view.lookup(fromText(path), { follow: true })?.stat.kind === "directory";
}
