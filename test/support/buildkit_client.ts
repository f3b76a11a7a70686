/**
 * A client that builds as `docker buildx` does with its driver `docker`: the same calls in the same order (docker/buildx,
 * driver/docker, build/build.go; moby/buildkit, client/build.go, client/solve.go). It shares the codec with what it tests;
 * that the calls are right a real dockerd says.
 */
import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import {
  BridgeSolveRequest,
  BridgeSolveResponse,
  Pong,
  ReadFileRequest,
  ReadFileResponse,
  RefRequest,
  ReturnRequest,
  StatFileResponse,
} from "../../src/buildkit/control/gateway_messages.ts";
import {
  type Definition,
  ListWorkersResponse,
  Nothing,
  SolveRequest,
  SolveResponse,
  StatusRequest,
} from "../../src/buildkit/control/control_messages.ts";
import { StatusResponse } from "../../src/buildkit/progress/index.ts";
import {
  GrpcClient,
  GrpcError,
  integer,
  many,
  map,
  message,
  one,
  text,
  type Decoder,
  type Encoder,
  type Read,
  type Write,
} from "../../src/rpc/index.ts";
import { ClientSession, upgraded, type SessionServes } from "./buildkit_session.ts";

export interface BuildAsked extends SessionServes {
  /** Of the frontend, but for `filename`. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Default: an image without a name. */
  readonly exporter?: {
    readonly type: string;
    readonly attributes?: Readonly<Record<string, string>>;
  };
  /** Results of other builds, as these were given to {@link onResult}. */
  readonly inputs?: Readonly<Record<string, ResultDefinition>>;
  /** Awaited while there is a result and it is not yet returned. */
  readonly onResult?: (definition: ResultDefinition) => Promise<void>;
  /** Default: `dockerfile.v0`. */
  readonly frontend?: string;
  readonly signal?: AbortSignal;
  /** Told of each piece of progress. */
  readonly onStatus?: (status: Read<typeof StatusResponse>) => void;
}

export type ResultDefinition = Read<typeof Definition>;

export interface BuildTold {
  readonly response: Readonly<Record<string, string>>;
  /** What the frontend has answered with instead of an image. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly error: GrpcError | undefined;
  /** Names of the vertexes that have begun, in that order, each once. */
  readonly vertexes: readonly string[];
  /** Those of them that were in the cache. */
  readonly cached: readonly string[];
  readonly output: string;
  readonly warnings: readonly string[];
  /** Streams of bytes that were exported. */
  readonly exported: Buffer;
}

export class BuildkitClient implements Disposable {
  readonly #socketPath: string;
  readonly #rpc: GrpcClient;

  private constructor(socketPath: string, connection: Duplex) {
    this.#socketPath = socketPath;
    this.#rpc = new GrpcClient(connection);
  }

  static async open(socketPath: string): Promise<BuildkitClient> {
    return new BuildkitClient(socketPath, await upgraded(socketPath, "/grpc", {}));
  }

  async workers(): Promise<Read<typeof ListWorkersResponse>["records"]> {
    return (await this.call("ListWorkers", Nothing, ListWorkersResponse, {})).records;
  }

  /** A method of Control. */
  call<Q, A>(method: string, asked: Encoder<Q>, answer: Decoder<A>, given: Q): Promise<A> {
    return this.#rpc.call(`${control}/${method}`, asked, answer, given);
  }

  /** All answers of a method of Control. */
  async all<Q, A>(method: string, asked: Encoder<Q>, answer: Decoder<A>, given: Q): Promise<A[]> {
    using answers = this.#rpc.open(`${control}/${method}`, asked, answer);
    await answers.send(given);
    answers.end();
    return await Array.fromAsync(answers);
  }

  /** A method of the bridge without an argument. */
  async bridgeCall(method: string, metadata: Readonly<Record<string, string>>): Promise<void> {
    const path = `/moby.buildkit.v1.frontend.LLBBridge/${method}`;
    await this.#rpc.call(path, Nothing, Nothing, {}, { metadata });
  }

  /** Reads a file of a place elsewhere, as buildx does before it builds; what goes wrong as `error`. */
  async readElsewhere(identifier: string, path: string, attributes: Readonly<Record<string, string>> = {}) {
    const source = Op.encode({ source: { identifier, attributes } });
    const end = Op.encode({ inputs: [{ index: 0 }] });
    let [text, size] = ["", 0];
    const { error } = await this.#asFrontend({ files: {} }, [], async (bridge) => {
      await bridge.ping();
      const ref = await bridge.solveGraph({ operations: [source, end] });
      size = (await bridge.stat({ ref, path })).stat?.size ?? 0;
      text = Buffer.from((await bridge.read({ ref, path, range: { offset: 0, length: 5 } })).data).toString();
      return {};
    });
    return { error, size, text };
  }

  /** What can be asked for: buildx begins and ends a build without a result to hear of it. */
  async capabilities(): Promise<readonly string[]> {
    let found: readonly string[] = [];
    await this.#asFrontend({ files: {} }, [], async (bridge) => {
      const { frontendCapabilities } = await bridge.ping();
      found = frontendCapabilities.filter(({ enabled }) => enabled).map(({ id }) => id);
      return {};
    });
    return found;
  }

  /** Never rejects for what the daemon says is wrong. */
  async build(asked: BuildAsked): Promise<BuildTold> {
    const { type = "moby", attributes = {} } = asked.exporter ?? {};
    return this.#asFrontend(asked, [{ type, attributes }], async (bridge) => {
      await bridge.ping();
      const result = await bridge.solve({ filename: "Dockerfile", ...asked.attributes }, asked.inputs ?? {});
      if (result.definition !== undefined) await asked.onResult?.(result.definition);
      return result;
    });
  }

  async #asFrontend(
    asked: BuildAsked,
    exporters: readonly { readonly type: string; readonly attributes: Readonly<Record<string, string>> }[],
    run: (bridge: Bridge) => Promise<BridgeResult>,
  ): Promise<BuildTold> {
    const ref = randomBytes(16).toString("hex");
    using session = await ClientSession.open(this.#socketPath, asked);
    const { signal } = asked;
    const watching = this.#watch(ref, asked.onStatus);
    const [exporter] = exporters;
    const solving = this.#rpc.call(
      `${control}/Solve`,
      SolveRequest,
      SolveResponse,
      {
        ref,
        session: session.id,
        sourcePolicySession: asked.allows === undefined ? "" : session.id,
        exporter: exporter?.type ?? "",
        exporterAttributes: exporter?.attributes ?? {},
        exporters,
        cache: {},
      },
      signal === undefined ? {} : { signal },
    );
    // It is heard below.
    solving.catch(() => undefined);
    const bridge = new Bridge(this.#rpc, ref, asked.frontend ?? "dockerfile.v0");
    let result: BridgeResult = {};
    let error: unknown;
    try {
      result = await run(bridge);
      await bridge.return(result);
    } catch (failed) {
      error = failed;
      await bridge.fail(failed).catch(() => undefined);
    }
    let response: Record<string, string> = {};
    try {
      response = { ...(await solving).exporterResponse };
    } catch (failed) {
      error = failed;
    }
    if (error !== undefined && !(error instanceof GrpcError)) throw error;
    const told = await watching;
    return { response, metadata: result.metadata ?? {}, error, ...told, exported: session.exported };
  }

  async #watch(ref: string, onStatus: BuildAsked["onStatus"]) {
    const [vertexes, cached, warnings] = [new Map<string, string>(), new Set<string>(), [] as string[]];
    let output = "";
    using statuses = this.#rpc.open(`${control}/Status`, StatusRequest, StatusResponse);
    await statuses.send({ ref });
    statuses.end();
    for await (const status of statuses) {
      onStatus?.(status);
      for (const { digest, name, started, cached: isCached } of status.vertexes) {
        if (started !== undefined) vertexes.set(digest, name);
        if (isCached) cached.add(name);
      }
      for (const { message: printed } of status.logs) output += Buffer.from(printed).toString("utf8");
      for (const { short } of status.warnings) warnings.push(short);
    }
    return { vertexes: [...new Set(vertexes.values())], cached: [...cached], warnings, output };
  }

  [Symbol.dispose](): void {
    this.#rpc[Symbol.dispose]();
  }
}

/** `pb.Op`: a source, or the end of a graph. */
const Op = message({
  inputs: many(1, message({ index: integer(2) })),
  source: one(3, message({ identifier: text(1), attributes: map(2) })),
});

const control = "/moby.buildkit.v1.Control";

interface BridgeResult {
  readonly ref?: string;
  readonly definition?: ResultDefinition;
  readonly metadata?: Readonly<Record<string, string>>;
}

class Bridge {
  readonly #rpc: GrpcClient;
  readonly #metadata: Readonly<Record<string, string>>;
  readonly #frontend: string;

  constructor(rpc: GrpcClient, ref: string, frontend: string) {
    this.#rpc = rpc;
    this.#metadata = { "buildkit-controlapi-buildid": ref };
    this.#frontend = frontend;
  }

  ping(): Promise<Read<typeof Pong>> {
    return this.#call("Ping", Nothing, Pong, {});
  }

  async solve(
    attributes: Readonly<Record<string, string>>,
    given: Readonly<Record<string, ResultDefinition>>,
  ): Promise<BridgeResult> {
    const inputs = Object.entries(given).map(([key, value]) => ({ key, value }));
    const asked = { frontend: this.#frontend, attributes, inputs, allowsResult: true, allowsRefs: true };
    const { result } = await this.#call("Solve", BridgeSolveRequest, BridgeSolveResponse, asked);
    const metadata = (result?.metadata ?? []).map(({ key, value }) => [key, Buffer.from(value).toString()]);
    const { id = "", definition } = result?.ref ?? {};
    return { ref: id, ...(definition && { definition }), metadata: Object.fromEntries(metadata) };
  }

  async solveGraph(definition: Write<typeof Definition>): Promise<string> {
    const asked = { definition, allowsResult: true, allowsRefs: true };
    return (await this.#call("Solve", BridgeSolveRequest, BridgeSolveResponse, asked)).result?.ref?.id ?? "";
  }

  stat(asked: Write<typeof RefRequest>): Promise<Read<typeof StatFileResponse>> {
    return this.#call("StatFile", RefRequest, StatFileResponse, asked);
  }

  read(asked: Write<typeof ReadFileRequest>): Promise<Read<typeof ReadFileResponse>> {
    return this.#call("ReadFile", ReadFileRequest, ReadFileResponse, asked);
  }

  async return({ ref = "", metadata = {} }: BridgeResult): Promise<void> {
    const entries = Object.entries(metadata).map(([key, value]) => ({ key, value: Buffer.from(value) }));
    await this.#call("Return", ReturnRequest, Nothing, { result: { ref: { id: ref }, metadata: entries } });
  }

  async fail(error: unknown): Promise<void> {
    const code = error instanceof GrpcError ? error.code : 2;
    const words = error instanceof Error ? error.message : String(error);
    await this.#call("Return", ReturnRequest, Nothing, { error: { code, message: words } });
  }

  #call<Q, A>(method: string, asked: Encoder<Q>, answer: Decoder<A>, given: Q): Promise<A> {
    const path = `/moby.buildkit.v1.frontend.LLBBridge/${method}`;
    return this.#rpc.call(path, asked, answer, given, { metadata: this.#metadata });
  }
}
