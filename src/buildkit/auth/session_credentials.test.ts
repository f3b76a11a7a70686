import assert from "node:assert/strict";
import { test } from "node:test";
import { sessionServing } from "../../../test/support/session_serving.ts";
import { message, text, unary } from "../../rpc/index.ts";
import { sessionCredentials } from "./session_credentials.ts";

const signal = new AbortController().signal;

test("a client's credentials by the names of registries, asked for once", async () => {
  const asked: string[] = [];
  const known: Readonly<Record<string, { readonly username: string; readonly secret: string }>> = {
    "registry-1.docker.io": { username: "bob", secret: "pass" },
    "127.0.0.1:5000": { username: "", secret: "token" },
  };
  const give = unary(
    message({ host: text(1) }),
    message({ username: text(1), secret: text(2) }),
    ({ host }) => {
      asked.push(host);
      return known[host] ?? {};
    },
  );
  using client = sessionServing({ "/moby.filesync.v1.Auth/Credentials": give });
  const lookup = sessionCredentials(client.session, signal);
  assert.deepEqual(await lookup("docker.io"), { kind: "password", username: "bob", password: "pass" });
  assert.deepEqual(await lookup("127.0.0.1:5000"), { kind: "identity", token: "token" });
  assert.equal(await lookup("registry.example"), undefined);
  await lookup("docker.io");
  assert.deepEqual(asked, ["registry-1.docker.io", "127.0.0.1:5000", "registry.example"]);
  using useless = sessionServing({});
  assert.equal(await sessionCredentials(useless.session, signal)("docker.io"), undefined);
});
