/** Progress of long work. It travels upwards through a `report` function in the options. */

export interface Progress {
  /** What it is about: a layer's 12 digits, or a tag. */
  readonly id?: string;
  /** Docker's words: `Pulling fs layer`, `Downloading`, `Pull complete`, ... */
  readonly status: string;
  /** Bytes done and bytes in all, where they are known. */
  readonly current?: number;
  readonly total?: number;
}

export type Report = (progress: Progress) => void;
