import assert from "node:assert/strict";
import { test } from "node:test";
import { azuriteSkip, startAzurite } from "../../../test/suites/azurite.ts";
import { flakyFixture, serverFixture } from "../../../test/suites/object_fixture.ts";
import { scratch, unlessAll } from "../../../test/suites/scratch.ts";
import { storageDriverSuite } from "../../../test/suites/storage_driver_suite.ts";
import { azureFake, type AzureFakeOptions } from "../../../test/support/azure_fake.ts";
import { serveFake } from "../../../test/support/object_fake.ts";
import { openAzure } from "./azure.ts";
import { azureSigner } from "./azure/azure_auth.ts";

const fakeOptions: AzureFakeOptions = {
  account: "images",
  key: Buffer.from("an account's key").toString("base64"),
  container: "registry",
};
const parameters = (origin: string) => ({
  accountname: fakeOptions.account,
  accountkey: fakeOptions.key,
  container: fakeOptions.container,
  serviceurl: `${origin}/${fakeOptions.account}`,
  rootdirectory: "/some/root",
});
const open = (origin: string) => openAzure(parameters(origin), {});

storageDriverSuite("azure (protocol fake)", async () => serverFixture(await azureFake(fakeOptions), open));
storageDriverSuite(
  "azure over a line that fails (protocol fake)",
  async () => flakyFixture(await azureFake({ ...fakeOptions, page: 7 }), open),
  { many: 60, skip: unlessAll },
);
storageDriverSuite(
  "azure on Azurite",
  async () => {
    const place = scratch("azurite");
    const server = await startAzurite(place.path);
    const { origin, account, key } = server;
    const sign = azureSigner({ kind: "shared-key", account, key }, {});
    const url = new URL(`${origin}/${account}/registry?restype=container`);
    const made = await fetch(url, { method: "PUT", headers: await sign({ method: "PUT", url }) });
    assert.equal(made.status, 201);
    const fixture = await serverFixture(server, () =>
      openAzure(
        { accountname: account, accountkey: key, container: "registry", serviceurl: `${origin}/${account}` },
        {},
      ),
    );
    return {
      open: () => fixture.open(),
      [Symbol.asyncDispose]: async () => {
        await fixture[Symbol.asyncDispose]();
        place[Symbol.dispose]();
      },
    };
  },
  { skip: azuriteSkip, many: 1100 },
);

test("azure takes an application's token, and asks for it once (protocol fake)", async () => {
  await using fake = await azureFake({ ...fakeOptions, bearer: "opaque" });
  await using authority = await serveFake(({ url, body }) => {
    const form = new URLSearchParams(body.toString());
    const good = url.pathname === "/tenant/oauth2/v2.0/token" && form.get("client_secret") === "secret";
    return good
      ? { status: 200, body: JSON.stringify({ access_token: "opaque", expires_in: 3599 }) }
      : { status: 400 };
  });
  const { accountkey: _, ...rest } = parameters(fake.origin);
  const credentials = { type: "client_secret", clientid: "client", tenantid: "tenant", secret: "secret" };
  const driver = openAzure({ ...rest, credentials }, { AZURE_AUTHORITY_HOST: authority.origin });
  await Promise.all(["a", "b", "c"].map((path) => driver.write(path, Buffer.from(path))));
  assert.equal(String(await driver.read("b")), "b");
  assert.equal(authority.log.length, 1);
  assert.equal(await driver.redirectUrl?.("a", { method: "GET" }), undefined);
  await driver.close?.();
});

test("parameters of azure that are wrong or unknown are named", () => {
  const good = parameters("http://127.0.0.1:1");
  const cases: [Record<string, unknown>, string][] = [
    [{ ...good, accountname: "" }, "storage.azure.accountname is missing"],
    [{ ...good, container: undefined }, "storage.azure.container is missing"],
    [{ ...good, serviceurl: "nowhere" }, "storage.azure.serviceurl is not an address: nowhere"],
    [
      { ...good, retry_delay: "soon" },
      'storage.azure.retry_delay must be a duration such as 100ms or 5s, found "soon"',
    ],
    [
      { ...good, credentials: { kind: "x" } },
      "storage.azure.credentials.kind is not a parameter of this driver",
    ],
    [
      { ...good, credentials: { type: "client_secret" } },
      "storage.azure.credentials of type client_secret needs clientid, tenantid and secret",
    ],
  ];
  for (const [values, message] of cases) assert.throws(() => openAzure(values, {}), { message });
});
