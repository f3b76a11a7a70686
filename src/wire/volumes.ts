/** Volumes of the Engine API (moby, api/types/volume). */

export interface Volume {
  /** RFC 3339, to the second. */
  readonly CreatedAt: string;
  readonly Driver: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  /** Where its content lies on the host. */
  readonly Mountpoint: string;
  readonly Name: string;
  readonly Options: Readonly<Record<string, string>> | null;
  readonly Scope: "local";
  /** In `/system/df` only. */
  readonly UsageData?: {
    /** Containers that have it. */
    readonly RefCount: number;
    /** Bytes; -1: not known. */
    readonly Size: number;
  };
}
