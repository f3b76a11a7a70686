/** `varve registry usage`: what of each quota is used, counted off the tree. */
import { Failure } from "../../errors.ts";
import { reportText } from "../quota/quota_report.ts";
import { withStorage, type CareSettings } from "./care.ts";
import { guardsOf } from "./guards.ts";
import { readSettings } from "./serve.ts";

/** Tells a line for each pool. @throws Failure "invalid" where there are no limits */
export async function usage(settings: CareSettings): Promise<void> {
  const config = await readSettings(settings);
  await withStorage(settings, async (storage) => {
    const { quota } = guardsOf(config, storage, () => undefined);
    if (quota === undefined)
      throw new Failure("invalid", "the configuration has no quota.limits", {
        hint: "A limit: {repositories: team/**, bytes: 10GiB}",
      });
    for (const report of await quota.report()) settings.tell({ text: reportText(report), value: report });
  });
}
