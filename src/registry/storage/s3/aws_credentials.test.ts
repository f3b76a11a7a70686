import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch } from "../../../../test/suites/scratch.ts";
import { serveFake, type FakeRequest } from "../../../../test/support/object_fake.ts";
import { isFailure } from "../../../errors.ts";
import { awsCredentials, type Environment } from "./aws_credentials.ts";

const region = "eu-west-1";
const nowhere = { HOME: "/nonexistent", AWS_EC2_METADATA_DISABLED: "true" };
const find = (environment: Environment) => awsCredentials({ environment, region })();
const lent = (expires: number, number = 1) => ({
  AccessKeyId: `lent-${number}`,
  SecretAccessKey: "s",
  Token: "t",
  Expiration: new Date(Date.now() + expires).toISOString(),
});

test("the configuration's credentials win over the environment's, these over the file's", async () => {
  using place = scratch("aws");
  const file = join(place.path, "credentials");
  writeFileSync(
    file,
    "[other]\naws_access_key_id = o\n[default]\naws_access_key_id = f\naws_secret_access_key = fs\n",
  );
  const environment = { ...nowhere, AWS_SHARED_CREDENTIALS_FILE: file };
  const configured = { accessKey: "c", secretKey: "cs" };
  const both = {
    ...environment,
    AWS_ACCESS_KEY_ID: "e",
    AWS_SECRET_ACCESS_KEY: "es",
    AWS_SESSION_TOKEN: "et",
  };
  assert.equal((await awsCredentials({ configured, environment: both, region })()).accessKey, "c");
  assert.deepEqual(await find(both), { accessKey: "e", secretKey: "es", sessionToken: "et" });
  assert.deepEqual(await find(environment), { accessKey: "f", secretKey: "fs", sessionToken: undefined });
});

test("an instance's role is asked with a token, and again before it ends (protocol fake)", async () => {
  let given = 0;
  await using service = await serveFake(({ method, url, headers }: FakeRequest) => {
    if (method === "PUT" && url.pathname === "/latest/api/token") return { status: 200, body: "imds" };
    if (headers["x-aws-ec2-metadata-token"] !== "imds") return { status: 401 };
    if (url.pathname === "/latest/meta-data/iam/security-credentials/") return { status: 200, body: "role" };
    if (!url.pathname.endsWith("/role")) return { status: 404 };
    return { status: 200, body: JSON.stringify(lent(++given === 1 ? 60_000 : 3_600_000, given)) };
  });
  const environment = { HOME: "/nonexistent", AWS_EC2_METADATA_SERVICE_ENDPOINT: service.origin };
  const credentials = awsCredentials({ environment, region });
  const names: string[] = [];
  for (let time = 0; time < 3; time++) names.push((await credentials()).accessKey);
  assert.deepEqual(names, ["lent-1", "lent-2", "lent-2"]);
});

test("a container's service and a pod's identity give credentials (protocol fake)", async () => {
  using place = scratch("aws");
  const token = join(place.path, "token");
  writeFileSync(token, "jwt\n");
  await using service = await serveFake(({ url, headers }: FakeRequest) => {
    if (headers.authorization === "secret") return { status: 200, body: JSON.stringify(lent(3_600_000)) };
    const query = url.searchParams;
    if (query.get("WebIdentityToken") !== "jwt" || query.get("RoleArn") !== "arn:role")
      return { status: 403 };
    const values =
      "<AccessKeyId>pod</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>";
    const result = `<AssumeRoleWithWebIdentityResult><Credentials>${values}</Credentials></AssumeRoleWithWebIdentityResult>`;
    return {
      status: 200,
      body: `<AssumeRoleWithWebIdentityResponse>${result}</AssumeRoleWithWebIdentityResponse>`,
    };
  });
  const container = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${service.origin}/role`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: "secret",
  };
  assert.equal((await find({ ...nowhere, ...container })).accessKey, "lent-1");
  const pod = {
    AWS_WEB_IDENTITY_TOKEN_FILE: token,
    AWS_ROLE_ARN: "arn:role",
    AWS_ENDPOINT_URL_STS: service.origin,
  };
  const found = await find({ ...nowhere, ...pod });
  assert.deepEqual([found.accessKey, found.sessionToken], ["pod", "t"]);
});

test("without any it is denied, with what to do", async () => {
  await assert.rejects(
    find(nowhere),
    (error) => isFailure(error, "denied") && /accesskey/.test(error.hint ?? ""),
  );
});
