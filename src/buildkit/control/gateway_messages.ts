/** Messages of moby.buildkit.v1.frontend.LLBBridge (moby/buildkit, frontend/gateway/pb/gateway.proto). */
import { bytes, flag, integer, many, map, message, one, text } from "../../rpc/index.ts";
import { Stat } from "../filesync/index.ts";
import { Definition, WorkerRecord } from "./control_messages.ts";
import { RpcStatus } from "./error_details.ts";

const Capability = message({ id: text(1), enabled: flag(2) });

export const Pong = message({
  frontendCapabilities: many(1, Capability),
  llbCapabilities: many(2, Capability),
  workers: many(3, WorkerRecord),
});

export const Ref = message({ id: text(1), definition: one(2, Definition) });

/** A `map<string, bytes>`. */
const metadata = (number: number) => many(number, message({ key: text(1), value: bytes(2) }));

/** One result, or several by platform; the first two fields are those of old clients. */
export const Result = message({
  oldRef: text(1),
  ref: one(3, Ref),
  refs: one(4, message({ refs: many(1, message({ key: text(1), value: one(2, Ref) })) })),
  metadata: metadata(10),
});

export const BridgeSolveRequest = message({
  definition: one(1, Definition),
  frontend: text(2),
  attributes: map(3),
  allowsResult: flag(5),
  allowsRefs: flag(6),
  inputs: many(13, message({ key: text(1), value: one(2, Definition) })),
  evaluate: flag(14),
  sourcePolicies: many(15, message({})),
});

export const BridgeSolveResponse = message({ oldRef: text(1), result: one(3, Result) });

export const ReturnRequest = message({ result: one(1, Result), error: one(2, RpcStatus) });

export const RefRequest = message({ ref: text(1), path: text(2) });

export const InputsResponse = message({
  definitions: many(1, message({ key: text(1), value: one(2, Definition) })),
});

export const ReadFileRequest = message({
  ref: text(1),
  path: text(2),
  range: one(3, message({ offset: integer(1), length: integer(2) })),
});

export const ReadFileResponse = message({ data: bytes(1) });

export const StatFileResponse = message({ stat: one(1, Stat) });

export const WarnRequest = message({ short: text(3) });
