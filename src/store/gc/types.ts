/** One thing that nobody needs. */
export interface Garbage {
  readonly kind: string;
  readonly what: string;
  readonly reason: string;
  /** What it takes on the disk. */
  readonly paths: readonly string[];
  /** Takes it away; what is gone already is no error. */
  remove(): Promise<void>;
}
