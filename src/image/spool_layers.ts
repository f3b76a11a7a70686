/** Layers' exact tars in files beside each other, to be read in any order. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { unpackHere, type TarTarget } from "../layer/index.ts";
import type { ChainId } from "../oci/index.ts";
import type { Store } from "../store/index.ts";

export interface SpooledLayers extends AsyncDisposable {
  /** In the order that was asked for. */
  readonly targets: readonly TarTarget[];
}

/**
 * Takes as much room as the layers have, until disposal. Throws `Failure("corrupt")` for a damaged layer,
 * `Failure("no-space")`, `Failure("cancelled")`.
 * @param temporaryDirectory of a session: what a killed process leaves there is removed
 */
export async function spoolLayers(
  store: Store,
  chains: readonly ChainId[],
  temporaryDirectory: string,
  signal: AbortSignal,
): Promise<SpooledLayers> {
  const directory = await mkdtemp(join(temporaryDirectory, "layers-"));
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const targets: TarTarget[] = [];
    for (const [index, chain] of chains.entries()) {
      const target = { tar: join(directory, `${index}.tar`), catalog: join(directory, `${index}.catalog`) };
      const open = (): ReturnType<Store["layers"]["openTar"]> => store.layers.openTar(chain, { signal });
      await unpackHere({ target, open, signal }, { sync: false });
      targets.push(target);
    }
    return { targets, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
