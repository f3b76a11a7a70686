/**
 * A client that builds as `docker buildx` does with its driver `docker`: the same calls in the same order (docker/buildx,
 * driver/docker, build/build.go; moby/buildkit, client/build.go, client/solve.go). It shares the codec with what it tests;
 * that the calls are right a real dockerd says.
 */
import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import type { Duplex } from "node:stream";
import {
  BridgeSolveRequest,
  BridgeSolveResponse,
  Pong,
  ReturnRequest,
} from "../../src/buildkit/control/gateway_messages.ts";
import {
  type Definition,
  ListWorkersResponse,
  Nothing,
  SolveRequest,
  SolveResponse,
  StatusRequest,
} from "../../src/buildkit/control/control_messages.ts";
import { goMode, Packet, packetTypes } from "../../src/buildkit/filesync/packets.ts";
import { StatusResponse } from "../../src/buildkit/progress/index.ts";
import {
  bidirectional,
  bytes,
  GrpcClient,
  GrpcError,
  integer,
  message,
  serveGrpc,
  text,
  unary,
  type Decoder,
  type Encoder,
  type Methods,
  type Read,
} from "../../src/rpc/index.ts";

export interface BuildAsked {
  /** The context, the Dockerfile among them. */
  readonly files: Readonly<Record<string, string>>;
  /** Of the frontend, but for `filename`. */
  readonly attributes?: Readonly<Record<string, string>>;
  /** Default: an image without a name. */
  readonly exporter?: {
    readonly type: string;
    readonly attributes?: Readonly<Record<string, string>>;
  };
  readonly secrets?: Readonly<Record<string, string>>;
  /** Standard input, which the context `http://buildkit-session/…` stands for. */
  readonly upload?: Uint8Array;
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

/** What the client serves while it builds. */
export class ClientSession implements Disposable {
  readonly id = randomBytes(16).toString("hex");
  readonly #pieces: Uint8Array[] = [];
  #end = (): void => undefined;

  get exported(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  static async open(socketPath: string, asked: BuildAsked): Promise<ClientSession> {
    const { files } = asked;
    const session = new ClientSession();
    const methods = session.#methods(asked);
    const socket = await upgraded(socketPath, "/session", {
      "X-Docker-Expose-Session-Uuid": session.id,
      "X-Docker-Expose-Session-Name": "context",
      "X-Docker-Expose-Session-Sharedkey": createHash("sha256").update(JSON.stringify(files)).digest("hex"),
      "X-Docker-Expose-Session-Grpc-Method": Object.keys(methods),
    });
    const served = serveGrpc(socket, methods, (bug) => {
      throw bug;
    });
    session.#end = () => served.destroy();
    return session;
  }

  #methods({ files, secrets = {}, upload }: BuildAsked): Methods {
    const Health = message({ status: integer(1) });
    const Secret = message({ id: text(1) });
    const Piece = message({ data: bytes(1) });
    const pieces = this.#pieces;
    return {
      "/grpc.health.v1.Health/Check": unary(message({}), Health, () => ({ status: 1 })),
      "/moby.filesync.v1.FileSync/DiffCopy": bidirectional(Packet, Packet, (packets, { headers }) =>
        sendFiles(files, packets, String(headers["followpaths"] ?? "")),
      ),
      "/moby.filesync.v1.FileSend/DiffCopy": bidirectional(Piece, Piece, async function* (given) {
        for await (const { data } of given) pieces.push(data);
        yield* [];
      }),
      "/moby.upload.v1.Upload/Pull": bidirectional(Piece, Piece, async function* () {
        if (upload !== undefined) yield { data: upload };
      }),
      "/moby.buildkit.secrets.v1.Secrets/GetSecret": unary(Secret, Piece, ({ id }) => {
        const secret = secrets[id];
        if (secret === undefined) throw new GrpcError(5, `secret ${id} not found`);
        return { data: Buffer.from(secret) };
      }),
    };
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}

/** fsutil's sender (tonistiigi/fsutil, send.go) of files without folders. @param only paths with commas, or "" for all */
async function* sendFiles(
  files: BuildAsked["files"],
  packets: AsyncIterable<Read<typeof Packet>>,
  only: string,
) {
  const wanted =
    only === "" ? Object.keys(files) : only.split(",").map((path) => decodeURIComponent(path.trim()));
  const listed = Object.keys(files)
    .filter((path) => wanted.includes(path))
    .sort();
  for (const path of listed) {
    const size = Buffer.byteLength(files[path] as string);
    yield { type: packetTypes.stat, stat: { path: Buffer.from(path), mode: goMode("file", 0o644), size } };
  }
  yield { type: packetTypes.stat };
  for await (const { type, id } of packets) {
    if (type === packetTypes.request) {
      const content = Buffer.from(files[listed[id] as string] as string);
      if (content.length > 0) yield { type: packetTypes.data, id, data: content };
      yield { type: packetTypes.data, id };
    } else if (type === packetTypes.end) {
      yield { type: packetTypes.end };
      return;
    }
  }
}

/** The connection of a request that asks for HTTP/2. */
async function upgraded(
  socketPath: string,
  path: string,
  headers: Readonly<Record<string, string | readonly string[]>>,
): Promise<Duplex> {
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const asked = request({
    socketPath,
    path,
    method: "POST",
    agent: false,
    headers: { Connection: "Upgrade", Upgrade: "h2c", ...headers } as Record<string, string>,
  });
  asked.on("upgrade", (_response, socket, early: Buffer) => {
    if (early.length > 0) socket.unshift(early);
    resolve(socket);
  });
  asked.on("response", (response) => reject(new Error(`${path}: status ${response.statusCode}`)));
  asked.on("error", reject);
  asked.end();
  return promise;
}
