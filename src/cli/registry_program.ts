/** What the commands of `varve registry` need of the registry; `bin/` hands it in, since this folder may not import it. */

/** Where a registry's data are, and all else that a configuration says. */
interface Settings {
  readonly config?: string | undefined;
  readonly root?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface CareSettings extends Settings {
  readonly signal: AbortSignal;
  /** Called for each thing that was decided or found. */
  readonly tell: (told: { readonly text: string; readonly value: unknown }) => void;
}

export interface RegistryProgram {
  /** Serves until a signal ends it; returns the exit code. */
  serve(
    settings: Settings & {
      readonly addr?: string | undefined;
      readonly logFormat?: string | undefined;
      readonly stdout: (text: string) => void;
      readonly stderr: (text: string) => void;
    },
  ): Promise<number>;
  garbageCollect(
    settings: CareSettings,
    options: { readonly dryRun: boolean; readonly untagged: boolean; readonly quiet: boolean },
  ): Promise<void>;
  retention(settings: CareSettings, options: { readonly dryRun: boolean }): Promise<void>;
  fsck(
    settings: CareSettings,
    options: { readonly repair: boolean; readonly upstreams: readonly string[] },
  ): Promise<number>;
  tagHistory(settings: CareSettings, reference: string): Promise<void>;
  tagRestore(settings: CareSettings, reference: string, digest: string): Promise<void>;
  undelete(settings: CareSettings, reference: string | undefined): Promise<void>;
  usage(settings: CareSettings): Promise<void>;
}
