import assert from "node:assert/strict";
import { test } from "node:test";
import { authorization, awsDialect, encodeKey, hmacSigner, presigned, sha256Hex } from "./signature_v4.ts";

const key = {
  region: "us-east-1",
  accessKey: "AKIAIOSFODNN7EXAMPLE",
  secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
const time = new Date("2013-05-24T00:00:00Z");
const bucket = "https://examplebucket.s3.amazonaws.com";

// Amazon S3 API Reference, "Signature Calculations for the Authorization Header", examples "GET Bucket Lifecycle" and
// "Get Bucket (List Objects)"
test("headers are signed as Amazon's examples are", () => {
  const payload = sha256Hex("");
  const headers = { "x-amz-date": "20130524T000000Z", "x-amz-content-sha256": payload };
  const cases: [string, string][] = [
    ["/?lifecycle=", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"],
    ["/?prefix=J&max-keys=2", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"],
  ];
  for (const [path, signature] of cases) {
    const request = { method: "GET", url: new URL(bucket + path), headers, payload, time };
    assert.equal(
      authorization(awsDialect, key, request),
      `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=${signature}`,
    );
  }
});

// The same, "Authenticating Requests: Using Query Parameters", example
test("an address is signed as Amazon's example is", () => {
  const presign = { method: "GET", url: new URL(`${bucket}/test.txt`), seconds: 86_400, time, ...key };
  const url = new URL(presigned(awsDialect, presign, hmacSigner(awsDialect, key, time)));
  assert.equal(
    url.searchParams.get("X-Amz-Signature"),
    "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  );
});

test("keys are encoded byte by byte, slashes apart", () => {
  assert.equal(encodeKey("a b/c+d~(1)*'!_.-é"), "a%20b/c%2Bd~%281%29%2A%27%21_.-%C3%A9");
});
