/** What an `UnpackPool` and its workers say to each other. */
import type { MessagePort } from "node:worker_threads";
import { Failure, type FailureKind } from "../errors.ts";
import type { RecordPlan } from "./recorder.ts";
import type { UnpackedLayer } from "./types.ts";
import type { StreamJob } from "./unpack_stream.ts";

export type ToWorker =
  /** Unpack a layer; its digest and its record are `recorder`'s, if there is one. */
  | { readonly type: "job"; readonly job: StreamJob; readonly recorder?: MessagePort }
  /** Record a layer that another thread unpacks. */
  | { readonly type: "record"; readonly plan: RecordPlan; readonly port: MessagePort }
  | { readonly type: "bytes"; readonly chunk: Uint8Array }
  /** The file of the job has that many bytes now. */
  | { readonly type: "grown"; readonly size: number }
  | { readonly type: "end" }
  /** The source failed or the caller cancelled: stop at once. */
  | { readonly type: "stop"; readonly failure: PlainFailure };

export type FromWorker =
  /** Bytes were used and as many may follow; their memory comes back, to be filled again. */
  | { readonly type: "credit"; readonly bytes: number; readonly memory: ArrayBuffer }
  /** Bytes of the job's file were used. */
  | { readonly type: "used"; readonly bytes: number }
  /** The record is done, or no longer wanted. */
  | { readonly type: "recorded" }
  | { readonly type: "done"; readonly layer: UnpackedLayer }
  | { readonly type: "failed"; readonly failure: PlainFailure };

/** An error as it crosses between threads: structured clone would make a plain Error of a Failure. */
export interface PlainFailure {
  /** Undefined for an error that was no Failure. */
  readonly kind: FailureKind | undefined;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
}

export function toPlain(error: unknown): PlainFailure {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (error instanceof Failure) return { kind: error.kind, message, hint: error.hint, stack };
  return { kind: undefined, message, hint: undefined, stack };
}

export function fromPlain({ kind = "internal", message, hint, stack }: PlainFailure): Failure {
  const failure = new Failure(kind, message, hint === undefined ? {} : { hint });
  if (stack !== undefined) failure.stack = stack;
  return failure;
}
