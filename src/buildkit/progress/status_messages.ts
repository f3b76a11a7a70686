/** What a build tells while it runs (moby/buildkit, api/services/control/control.proto, solver/pb/ops.proto). */
import { big, bytes, flag, integer, many, message, one, text, texts, type Write } from "../../rpc/index.ts";

/** `google.protobuf.Timestamp`. */
export const Timestamp = message({ seconds: big(1), nanos: integer(2) });

/** @param milliseconds since 1970 */
export function timestamp(milliseconds: number): Write<typeof Timestamp> {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds: BigInt(seconds), nanos: Math.floor((milliseconds - seconds * 1000) * 1e6) };
}

const Position = message({ line: integer(1), character: integer(2) });

export const Range = message({ start: one(1, Position), end: one(2, Position) });

export const SourceInfo = message({ filename: text(1), data: bytes(2), language: text(4) });

export const Vertex = message({
  digest: text(1),
  inputs: texts(2),
  name: text(3),
  cached: flag(4),
  started: one(5, Timestamp),
  completed: one(6, Timestamp),
  error: text(7),
});

export const VertexStatus = message({
  id: text(1),
  vertex: text(2),
  name: text(3),
  current: integer(4),
  total: integer(5),
  timestamp: one(6, Timestamp),
  started: one(7, Timestamp),
  completed: one(8, Timestamp),
});

/** `stream`: 1 standard output, 2 standard error. */
export const VertexLog = message({
  vertex: text(1),
  timestamp: one(2, Timestamp),
  stream: integer(3),
  message: bytes(4),
});

export const VertexWarning = message({
  vertex: text(1),
  level: integer(2),
  short: text(3),
  detail: texts(4),
  url: text(5),
  info: one(6, SourceInfo),
  ranges: many(7, Range),
});

export const StatusResponse = message({
  vertexes: many(1, Vertex),
  statuses: many(2, VertexStatus),
  logs: many(3, VertexLog),
  warnings: many(4, VertexWarning),
});

/** One piece of what is told. */
export type StatusUpdate = Write<typeof StatusResponse>;
