/** What keeps a registry within its bounds: quotas and the disk. */
import { DiskGuard } from "../policy/disk_guard.ts";
import { Quota } from "../quota/quota.ts";
import type { StorageDriver } from "../storage/types.ts";
import type { ServerConfig } from "./config/read_config.ts";

export interface Guards {
  readonly quota: Quota | undefined;
  readonly disk: DiskGuard | undefined;
}

/** @param onProblem told when the use of a quota cannot be counted anew; the former count holds */
export function guardsOf(
  config: ServerConfig,
  storage: StorageDriver,
  onProblem: (error: unknown) => void,
): Guards {
  return { quota: quotaOf(config, storage, onProblem), disk: diskOf(config) };
}

function quotaOf({ quota, gc }: ServerConfig, storage: StorageDriver, onProblem: (error: unknown) => void) {
  const rules = quota.limits.map((limit) => ({ ...limit, repositories: limit.repositories ?? "**" }));
  // What garbage collection lets be, it counts as long.
  const options = { storage, rules, grace: gc.grace, recount: quota.recount, onProblem };
  return rules.length === 0 ? undefined : new Quota(options);
}

function diskOf({ policy, storage: { parameters } }: ServerConfig): DiskGuard | undefined {
  const { free } = policy.diskguard;
  if (free === undefined) return undefined;
  const { rootdirectory = "/var/lib/registry" } = parameters;
  return new DiskGuard({ path: String(rootdirectory), least: free });
}
