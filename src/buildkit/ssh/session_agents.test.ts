import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { sessionServing } from "../../../test/support/session_serving.ts";
import { bidirectional, bytes, codes, GrpcError, message, text, unary } from "../../rpc/index.ts";
import { sessionAgents } from "./session_agents.ts";

const signal = new AbortController().signal;
const Piece = message({ data: bytes(1) });

test("bytes to a client's agent and back, until either has enough", async () => {
  const check = unary(message({ id: text(1) }), message({}), ({ id }) => {
    if (id !== "default") throw new GrpcError(codes.unknown, `unset ssh forward key ${id}`);
    return {};
  });
  const ids: unknown[] = [];
  const forward = bidirectional(Piece, Piece, async function* (pieces, { headers }) {
    ids.push(headers["buildkit.ssh.id"]);
    for await (const { data } of pieces) yield { data: Buffer.from(data).reverse() };
  });
  using client = sessionServing({
    "/moby.sshforward.v1.SSH/CheckAgent": check,
    "/moby.sshforward.v1.SSH/ForwardAgent": forward,
  });
  const agents = sessionAgents(client.session, signal);
  assert.equal(await agents.get("other"), undefined);
  const agent = await agents.get("default");
  assert.ok(typeof agent === "object");
  const connection = agent.connect();
  connection.write("abc");
  assert.equal(String((await once(connection, "data"))[0]), "cba");
  connection.end();
  await once(connection, "end");
  assert.deepEqual(ids, ["default"]);
  const broken = agent.connect();
  const failed = new Promise<{ readonly kind?: string }>((resolve) => broken.on("error", resolve));
  broken.resume();
  client[Symbol.dispose]();
  assert.equal((await failed).kind, "unavailable");
});
