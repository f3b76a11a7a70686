import assert from "node:assert/strict";
import { test } from "node:test";
import { serveFake } from "../../../../test/support/object_fake.ts";
import { isFailure } from "../../../errors.ts";
import { logIn, type SwiftLogin } from "./swift_auth.ts";

const login = (origin: string): SwiftLogin => ({
  authUrl: `${origin}/v3`,
  version: 3,
  username: "jo",
  password: "right",
  domain: { name: "People" },
  project: { name: "images", domainId: "d1" },
  region: "North",
  endpointType: "internal",
  skipVerify: false,
});

// Keystone Identity API v3, "Password authentication with scoped authorization"
const keystone = () =>
  serveFake(({ url, body, method }) => {
    const { auth } = JSON.parse(body.toString()) as {
      auth: { identity: { password: { user: { password: string } } } };
    };
    if (method !== "POST" || url.pathname !== "/v3/auth/tokens") return { status: 404 };
    if (auth.identity.password.user.password !== "right")
      return { status: 401, body: '{"error":{"code":401}}' };
    const endpoints = ["public", "internal"].flatMap((kind) =>
      ["South", "North"].map((region) => ({
        interface: kind,
        region,
        url: `https://${kind}.${region}.example/v1/AUTH_1/`,
      })),
    );
    const token = {
      catalog: [
        { type: "identity", endpoints: [] },
        { type: "object-store", endpoints },
      ],
      asked: auth,
    };
    return { status: 201, headers: { "x-subject-token": "opaque" }, body: JSON.stringify({ token }) };
  });

test("Keystone gives a token and the region's endpoint (protocol fake)", async () => {
  await using server = await keystone();
  assert.deepEqual(await logIn(login(server.origin)), {
    token: "opaque",
    storageUrl: "https://internal.North.example/v1/AUTH_1",
  });
  await logIn({ ...login(`${server.origin}`), authUrl: `${server.origin}/v3/auth/tokens` });
  assert.deepEqual(server.log, ["POST /v3/auth/tokens", "POST /v3/auth/tokens"]);
});

test("a wrong password is denied, a region without objects unavailable (protocol fake)", async () => {
  await using server = await keystone();
  await assert.rejects(logIn({ ...login(server.origin), password: "wrong" }), (error) =>
    isFailure(error, "denied"),
  );
  await assert.rejects(logIn({ ...login(server.origin), region: "West" }), {
    message: "OpenStack's catalog has no internal object-store in region West",
  });
});
