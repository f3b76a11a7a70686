/** `--on-error=shell`: a look around where a step has failed. */
import { randomBytes } from "node:crypto";
import type { RunStep, StepRunner } from "../../build/index.ts";

/** Runs a shell on our terminal, with the files, mounts, variables and user of the step that failed, to its end. */
export async function openShell(
  runner: StepRunner,
  step: RunStep,
  onShell: (isOpen: boolean) => void,
): Promise<void> {
  onShell(true);
  try {
    await runner.run({ ...step, id: randomBytes(32).toString("hex"), args: ["/bin/sh"], interactive: true });
  } finally {
    onShell(false);
  }
}
