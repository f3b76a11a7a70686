/** `Mount` of the Engine API: one `--mount` (moby, api/types/mount). Members that are empty are left out. */

export type MountPropagation = "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";

export interface MountSpec {
  readonly Type?: string;
  /** A host path, the name of a volume or image; absent for an anonymous volume and a tmpfs. */
  readonly Source?: string;
  readonly Target?: string;
  readonly ReadOnly?: boolean;
  readonly Consistency?: string;
  readonly BindOptions?: {
    readonly Propagation?: string;
    readonly NonRecursive?: boolean;
    readonly CreateMountpoint?: boolean;
    readonly ReadOnlyNonRecursive?: boolean;
    readonly ReadOnlyForceRecursive?: boolean;
  };
  readonly VolumeOptions?: {
    readonly NoCopy?: boolean;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly Subpath?: string;
    readonly DriverConfig?: {
      readonly Name?: string;
      readonly Options?: Readonly<Record<string, string>>;
    };
  };
  readonly ImageOptions?: { readonly Subpath?: string };
  readonly TmpfsOptions?: {
    readonly SizeBytes?: number;
    /** Permission bits. */
    readonly Mode?: number;
    readonly Options?: readonly (readonly string[])[];
  };
}
