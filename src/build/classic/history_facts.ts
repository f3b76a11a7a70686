/** What the texts of history rows are made of. */
import type { ContainerConfig } from "../../oci/index.ts";

export interface TextFacts {
  /** After the instruction. */
  readonly config: ContainerConfig;
  /**
   * `NAME=value` of the build arguments that a `RUN` sees. Classic: sorted, without what the environment hides;
   * undefined if there are none, empty if there are only proxies. BuildKit: in the order of their `ARG`s.
   */
  readonly args?: readonly string[] | undefined;
  /** All words of the command of a `RUN`, its shell included. */
  readonly command?: readonly string[];
  /** Expanded; those of a `COPY`, without here-documents. */
  readonly sources?: readonly string[];
  readonly destination?: string;
  readonly chown?: string;
  /** What an `ARG` has come to: the given value, else the default; BuildKit shows it. */
  readonly declared?: readonly { readonly name: string; readonly value?: string | undefined }[];
}

export interface ClassicFacts extends TextFacts {
  /** Docker's word for what a `COPY` copies: `file:…`, `dir:…`, `multi:…`. */
  readonly content?: string;
}

/** Times in nanoseconds. */
export interface Healthcheck {
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

export function healthcheckOf({ Healthcheck }: ContainerConfig): Healthcheck | undefined {
  return Healthcheck ?? undefined;
}
