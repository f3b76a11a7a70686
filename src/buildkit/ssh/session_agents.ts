/** SSH agents that a client's session leads to (moby/buildkit, session/sshforward). */
import { Duplex } from "node:stream";
import type { BuildRequest } from "../../engine/index.ts";
import { bytes, GrpcError, message, text, type GrpcStream, type Read, type Write } from "../../rpc/index.ts";
import type { Session } from "../session/index.ts";

const check = "/moby.sshforward.v1.SSH/CheckAgent";
const forward = "/moby.sshforward.v1.SSH/ForwardAgent";

const CheckAgentRequest = message({ id: text(1) });
const CheckAgentResponse = message({});
const BytesMessage = message({ data: bytes(1) });

/** @param signal of the build */
export function sessionAgents(session: Session, signal: AbortSignal): NonNullable<BuildRequest["ssh"]> {
  return {
    get: async (id) => {
      if (!session.supports(forward)) return undefined;
      const asked = session.client.call(check, CheckAgentRequest, CheckAgentResponse, { id }, { signal });
      return (await isYes(asked)) ? { connect: () => connectionTo(session, id, signal) } : undefined;
    },
  };
}

/** Clients have no code of their own for an agent that is not there. */
async function isYes(asked: Promise<unknown>): Promise<boolean> {
  try {
    await asked;
    return true;
  } catch (error) {
    if (error instanceof GrpcError) return false;
    throw error;
  }
}

function connectionTo(session: Session, id: string, signal: AbortSignal): Duplex {
  const metadata = { "buildkit.ssh.id": id };
  return new AgentConnection(session.client.open(forward, BytesMessage, BytesMessage, { metadata, signal }));
}

class AgentConnection extends Duplex {
  readonly #stream: GrpcStream<Write<typeof BytesMessage>, Read<typeof BytesMessage>>;
  readonly #answers: AsyncIterator<Read<typeof BytesMessage>>;

  constructor(stream: GrpcStream<Write<typeof BytesMessage>, Read<typeof BytesMessage>>) {
    super();
    this.#stream = stream;
    this.#answers = stream[Symbol.asyncIterator]();
  }

  override _read(): void {
    this.#answers.next().then(
      ({ value, done }) => this.push(done === true ? null : (value as Read<typeof BytesMessage>).data),
      (error: unknown) => this.destroy(error as Error),
    );
  }

  override _write(data: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#stream.send({ data }).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#stream.end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#stream[Symbol.dispose]();
    done(error);
  }
}
