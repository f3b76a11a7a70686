/** Records of a store's way from one driver to another. */
import type { Report } from "../../bytes/index.ts";
import type { DriverName } from "../../driver/index.ts";
import type { UnpackPool } from "../../layer/index.ts";
import type { Session } from "../sessions.ts";
import type { Store } from "../types.ts";

export interface MigrateOptions {
  readonly to: DriverName;
  /** Leaves what the old driver holds where it is (default false). varve does not look at it any more. */
  readonly keep?: boolean;
  readonly signal: AbortSignal;
  readonly report?: Report;
  /**
   * Sees to it that no container runs, starts, or is removed until the migration is over; called again for those that
   * were made since. Throws for a container that runs.
   */
  readonly holdContainers?: () => Promise<void>;
  /** Called between any two steps that write; tests kill the process in it. */
  readonly onStep?: (step: string) => void;
}

export interface MigrationResult {
  readonly from: DriverName;
  readonly to: DriverName;
  /** The root was of that driver before; all counts are 0. */
  readonly already: boolean;
  readonly images: number;
  readonly layers: number;
  readonly containers: number;
  /** Whether the old driver still holds what it held: as asked, or because somebody still uses a part of it. */
  readonly old: "removed" | "kept" | "in use";
}

/** What the steps of one migration share. */
export interface Run {
  readonly source: Store;
  readonly target: Store;
  readonly session: Session;
  readonly pool: UnpackPool;
  readonly signal: AbortSignal;
  readonly report: Report;
  readonly step: (step: string) => void;
  readonly holdContainers: () => Promise<void>;
  /** Containers that this run has brought along. */
  readonly copied: Set<string>;
}
