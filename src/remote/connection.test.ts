/** When a request is tried again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Connection } from "./connection.ts";
import { Tokens } from "./auth/tokens.ts";
import { NetworkFailure } from "./http/network_failure.ts";
import { FakeClock, signal } from "./testing.test.ts";

/** To a registry where every request fails by `code`. */
function failing(code: string) {
  let tries = 0;
  const clock = new FakeClock();
  const send = async (): Promise<never> => {
    tries++;
    throw new NetworkFailure('Get "https://r.example/v2/"', Object.assign(new Error(code), { code }));
  };
  const options = { send, clock, userAgent: "test", isInsecure: () => false };
  const connection = new Connection(
    { base: "https://r.example", domain: "r.example", mirror: false },
    { ...options, tokens: new Tokens(options), credentials: async () => undefined },
  );
  return { connection, tries: () => tries };
}

const request = { method: "GET", path: "/v2/a/tags/list", scopes: [], signal } as const;

for (const code of ["EAI_AGAIN", "ENETUNREACH"]) {
  test(`${code}: told at once by the first request, tried again by those that follow`, async () => {
    const { connection, tries } = failing(code);
    await assert.rejects(connection.ping(signal, true), { name: "Failure" });
    assert.equal(tries(), 1);
    await assert.rejects(connection.request(request), { name: "Failure" });
    assert.equal(tries(), 1 + 6);
  });
}

test("ECONNRESET: the first request is tried again too, unless there is another endpoint", async () => {
  const { connection, tries } = failing("ECONNRESET");
  await assert.rejects(connection.ping(signal, true), { name: "Failure" });
  assert.equal(tries(), 6);
  await assert.rejects(connection.ping(signal, false), { name: "Failure" });
  assert.equal(tries(), 7);
});
