import assert from "node:assert/strict";
import { test } from "node:test";
import { serveFake } from "../../../../test/support/object_fake.ts";
import { isFailure } from "../../../errors.ts";
import { openSwift } from "../swift.ts";

/** Swift with sessions that end when the test says so. */
async function endingSessions(password: string) {
  const state = { given: 0, good: 0 };
  const server = await serveFake(({ url, method, headers }) => {
    if (url.pathname === "/auth/v1.0") {
      if (headers["x-auth-key"] !== password) return { status: 401 };
      state.good = ++state.given;
      const storage = {
        "x-auth-token": `t${state.given}`,
        "x-storage-url": `http://${headers.host}/v1/AUTH_a`,
      };
      return { status: 200, headers: storage };
    }
    if (headers["x-auth-token"] !== `t${state.good}`) return { status: 401 };
    if (url.pathname === "/v1/AUTH_a/images/files/full")
      return { status: 413, body: "<h1>Upload exceeds quota.</h1>" };
    return method === "GET" ? { status: 200, body: "content" } : { status: 204 };
  });
  const parameters = {
    authurl: `${server.origin}/auth/v1.0`,
    username: "a",
    password: "right",
    container: "images",
  };
  const driver = openSwift(parameters);
  return {
    state,
    driver,
    [Symbol.asyncDispose]: async () => {
      await driver.close?.();
      await server[Symbol.asyncDispose]();
    },
  };
}

test("when a token ends, requests of the moment share one new session (protocol fake)", async () => {
  await using place = await endingSessions("right");
  const { state, driver } = place;
  assert.equal(String(Buffer.from((await driver.read("a")) as Uint8Array)), "content");
  state.good = 0;
  const read = await Promise.all(["a", "b", "c", "d"].map((path) => driver.read(path)));
  assert.deepEqual([read.length, read.every((bytes) => bytes?.length === 7), state.given], [4, true, 2]);
});

test("a wrong password is denied, a full account no-space (protocol fake)", async () => {
  await using other = await endingSessions("another");
  await assert.rejects(other.driver.read("a"), (error) => isFailure(error, "denied"));
  await using place = await endingSessions("right");
  const full = { message: /Upload exceeds quota\./, kind: "no-space" };
  await assert.rejects(place.driver.write("full", Buffer.from("x")), full);
});
