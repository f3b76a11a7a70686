import assert from "node:assert/strict";
import { test } from "node:test";
import { sessionServing } from "../../../test/support/session_serving.ts";
import { bytes, codes, GrpcError, message, text, unary } from "../../rpc/index.ts";
import { sessionSecrets } from "./session_secrets.ts";

const signal = new AbortController().signal;
const Asked = message({ id: text(1) });
const Given = message({ data: bytes(1) });

test("a client's secrets, and those that it does not have", async () => {
  const give = unary(Asked, Given, ({ id }) => {
    if (id === "locked") throw new GrpcError(codes.unknown, "permission denied");
    if (id !== "s") throw new GrpcError(codes.notFound, `secret ${id} not found`);
    return { data: Buffer.from("hush") };
  });
  using client = sessionServing({ "/moby.buildkit.secrets.v1.Secrets/GetSecret": give });
  const secrets = sessionSecrets(client.session, signal);
  const found = await secrets.get("s");
  assert.ok(found !== undefined && "value" in found);
  assert.equal(Buffer.from(found.value).toString(), "hush");
  assert.equal(await secrets.get("t"), undefined);
  await assert.rejects(Promise.resolve(secrets.get("locked")), { message: "permission denied" });
  using useless = sessionServing({});
  assert.equal(await sessionSecrets(useless.session, signal).get("s"), undefined);
});
