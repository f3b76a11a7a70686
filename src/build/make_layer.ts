/** The layer of a step. */
import { Failure } from "../errors.ts";
import { addLayer, maximumDepth } from "../image/index.ts";
import type { StoredLayer } from "../store/index.ts";
import type { BuildRun } from "./build_run.ts";
import type { StageState } from "./stage_state.ts";
import type { Work } from "./step.ts";
import { unlessEmpty } from "./unless_empty.ts";

/**
 * Does the work; undefined if it changed nothing (behaviours B072). What the work needed is taken away while the build goes
 * on, at the latest at its end. Throws `Failure("limit")` for the 126th layer.
 */
export async function makeLayer(
  build: BuildRun,
  state: StageState,
  work: Work,
): Promise<StoredLayer | undefined> {
  const { services, session, signal } = build;
  if (state.diffIds.length >= maximumDepth) {
    throw new Failure("limit", "max depth exceeded", {
      hint: `an image has at most ${maximumDepth} layers; join commands, or build with --squash`,
    });
  }
  const open = new AsyncDisposableStack();
  try {
    const tar = await unlessEmpty(await work.make(state, open));
    return tar && (await addLayer(services.store, session, state.top, tar, signal));
  } finally {
    const gone = open.disposeAsync();
    // Told at the end of the build.
    gone.catch(() => undefined);
    build.open.defer(() => gone);
  }
}
