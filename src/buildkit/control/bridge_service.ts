/**
 * moby.buildkit.v1.frontend.LLBBridge: the side of a build that clients talk to which are the frontend themselves, as
 * `docker buildx` is: it asks for `dockerfile.v0` to be solved and returns the result as its own (moby/buildkit,
 * client/build.go, frontend/gateway/gateway.go). Calls say by their metadata to which build they belong.
 */
import { Failure } from "../../errors.ts";
import { codes, GrpcError, unary, type GrpcCall, type Methods, type Read } from "../../rpc/index.ts";
import { readFile, statFile } from "./bridge_files.ts";
import { buildFiles } from "./build_files.ts";
import type { BuildUnderWay } from "./build_under_way.ts";
import { bridgeCapabilities, llbCapabilities } from "./capabilities.ts";
import { Nothing, type Definition } from "./control_messages.ts";
import { noGraphs, noPolicies, type ControlParts } from "./control_service.ts";
import { dockerfileWork } from "./dockerfile_work.ts";
import type { Attributes } from "./dockerfile_attributes.ts";
import { RpcStatus } from "./error_details.ts";
import { checkFrontend } from "./frontends.ts";
import {
  BridgeSolveRequest,
  BridgeSolveResponse,
  InputsResponse,
  Pong,
  ReadFileRequest,
  ReadFileResponse,
  RefRequest,
  ReturnRequest,
  StatFileResponse,
  WarnRequest,
} from "./gateway_messages.ts";
import { inputOf, resultDefinition, type Input } from "./result_definition.ts";
import { answerRequest } from "./subrequests.ts";
import { worker } from "./worker.ts";

export function bridgeMethods(parts: ControlParts): Methods {
  const path = (name: string): string => `/moby.buildkit.v1.frontend.LLBBridge/${name}`;
  const buildOf = (call: GrpcCall): Promise<BuildUnderWay> => parts.builds.get(refOf(call), call.signal);
  return {
    [path("Ping")]: unary(Nothing, Pong, async (_asked, call) => {
      await buildOf(call);
      return {
        frontendCapabilities: bridgeCapabilities,
        llbCapabilities,
        workers: [await worker(parts.daemon)],
      };
    }),
    [path("Solve")]: unary(BridgeSolveRequest, BridgeSolveResponse, async (asked, call) =>
      solve(parts, await buildOf(call), asked),
    ),
    [path("Evaluate")]: unary(RefRequest, Nothing, async ({ ref }, call) => {
      const build = await buildOf(call);
      await (build.hasFiles(ref) ? build.files(ref) : build.result(ref));
      return {};
    }),
    [path("StatFile")]: unary(RefRequest, StatFileResponse, async (asked, call) =>
      statFile(await buildOf(call), asked),
    ),
    [path("ReadFile")]: unary(ReadFileRequest, ReadFileResponse, async (asked, call) =>
      readFile(await buildOf(call), asked),
    ),
    [path("Inputs")]: unary(Nothing, InputsResponse, () => ({})),
    [path("Warn")]: unary(WarnRequest, Nothing, async ({ short }, call) => {
      (await buildOf(call)).progress.warn(short);
      return {};
    }),
    [path("Return")]: unary(ReturnRequest, Nothing, async (asked, call) => {
      (await buildOf(call)).return(returnedOf(asked));
      return {};
    }),
  };
}

/** moby/buildkit, client/buildid. @throws Failure("invalid") */
function refOf({ headers }: GrpcCall): string {
  const ref = headers["buildkit-controlapi-buildid"];
  if (typeof ref === "string" && ref !== "") return ref;
  throw new Failure("invalid", "no buildid found in context");
}

async function solve(parts: ControlParts, build: BuildUnderWay, asked: Read<typeof BridgeSolveRequest>) {
  const { definition, frontend } = asked;
  if (asked.sourcePolicies.length > 0) throw noPolicies();
  if (definition !== undefined && definition.operations.length > 0) return files(build, definition);
  // As it is asked for nothing, it has nothing.
  if (frontend === "") return { result: {} };
  checkFrontend(frontend, asked.attributes);
  const { requestid = "" } = asked.attributes;
  if (requestid !== "") return { result: { metadata: await answered(parts, build, asked.attributes) } };
  const inputs = new Map(
    asked.inputs.flatMap(({ key, value }) =>
      value === undefined ? [] : [[key, knownInput(value)] as const],
    ),
  );
  const id = build.add(dockerfileWork(parts, build, { attributes: asked.attributes, inputs }));
  if (asked.evaluate) await build.result(id);
  if (!asked.allowsResult) return { oldRef: id };
  if (!asked.allowsRefs) return { result: { oldRef: id } };
  return { result: { ref: { id, definition: resultDefinition(id) } } };
}

function files(build: BuildUnderWay, definition: Read<typeof Definition>) {
  const input = knownInput(definition);
  if (input.kind === "result") return { result: { ref: { id: input.id } } };
  return { result: { ref: { id: build.addFiles(input), definition } } };
}

function knownInput(definition: Read<typeof Definition>): Input {
  const input = inputOf(definition);
  if (input === undefined) throw noGraphs();
  return input;
}

async function answered({ sessions }: ControlParts, build: BuildUnderWay, attributes: Attributes) {
  const { progress, request, signal } = build;
  const session = request.session === "" ? undefined : await sessions.get(request.session, signal);
  const files = await buildFiles({
    attributes,
    session,
    body: undefined,
    inputs: new Map(),
    progress,
    signal,
  });
  const answer = await answerRequest(attributes["requestid"] ?? "", files, signal);
  return Object.entries(answer).map(([key, value]) => ({ key, value: Buffer.from(value) }));
}

/** Clients return an error with which one of these calls has failed as they got it. */
function returnedOf({ result, error }: Read<typeof ReturnRequest>) {
  if (error !== undefined) {
    const details = error.details.length > 0 ? RpcStatus.encode(error) : undefined;
    return { error: new GrpcError(error.code, error.message, { details }) };
  }
  const id = result?.ref?.id || result?.oldRef || "";
  if ((result?.refs?.refs.length ?? 0) > 0)
    return {
      error: new GrpcError(codes.unimplemented, "results of several platforms are not exported here"),
    };
  return id === "" ? {} : { result: id };
}
