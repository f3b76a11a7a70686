/** What BuildKit's clients serve while they build, for tests: the daemon asks over a connection that was turned round. */
import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import type { Duplex } from "node:stream";
import { goMode, Packet, packetTypes } from "../../src/buildkit/filesync/packets.ts";
import {
  bidirectional,
  bytes,
  GrpcError,
  integer,
  message,
  one,
  serveGrpc,
  text,
  unary,
  type Methods,
  type Read,
} from "../../src/rpc/index.ts";

export interface SessionServes {
  /** The context, the Dockerfile among them; every other directory of the client has the same. */
  readonly files: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  /** Which sources may be built from; all others are denied. Default: nobody asks. */
  readonly allows?: readonly string[];
  /** Standard input, which the context `http://buildkit-session/…` stands for. */
  readonly upload?: Uint8Array;
}

/** What the client serves while it builds. */
export class ClientSession implements Disposable {
  readonly id = randomBytes(16).toString("hex");
  readonly #pieces: Uint8Array[] = [];
  #end = (): void => undefined;

  get exported(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  static async open(socketPath: string, asked: SessionServes): Promise<ClientSession> {
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

  #methods({ files, secrets = {}, upload, allows = [] }: SessionServes): Methods {
    const Health = message({ status: integer(1) });
    const Secret = message({ id: text(1) });
    const Piece = message({ data: bytes(1) });
    const Checked = message({
      source: one(2, message({ source: one(1, message({ identifier: text(1) })) })),
    });
    const Decision = message({ decision: one(1, message({ action: integer(1) })) });
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
      "/moby.buildkit.v1.sourcepolicy.policysession.PolicyVerifier/CheckPolicy": unary(
        Checked,
        Decision,
        ({ source }) => ({ decision: { action: allows.includes(source?.source?.identifier ?? "") ? 0 : 1 } }),
      ),
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
  files: SessionServes["files"],
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
export async function upgraded(
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
