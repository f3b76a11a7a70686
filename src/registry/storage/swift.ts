/**
 * Storage in OpenStack Swift. Parameters and objects are those of distribution 2's driver `swift`, uploads under way
 * included; `docker-registry` 2 and varve can take turns on a container.
 */
import { Failure } from "../../errors.ts";
import { keyPrefix, ObjectDriver } from "./objects/object_driver.ts";
import { Parameters, type ParameterValues } from "./parameters.ts";
import { Segments } from "./swift/segments.ts";
import type { SwiftLogin } from "./swift/swift_auth.ts";
import { SwiftClient } from "./swift/swift_client.ts";
import { SwiftStore } from "./swift/swift_store.ts";
import type { StorageDriver } from "./types.ts";

/** Throws `Failure("invalid")` for parameters that are wrong. */
export function openSwift(values: ParameterValues): StorageDriver {
  const parameters = new Parameters("swift", values);
  const client = new SwiftClient({
    login: loginOf(parameters),
    container: parameters.required("container"),
    urlKey: parameters.text("secretkey"),
  });
  const root = keyPrefix(parameters.text("prefix") ?? "");
  const chunkSize = parameters.integer("chunksize", 20 << 20, { least: 1 << 20, most: 5 * 1024 ** 3 });
  // What they say is asked of the server; HP's public cloud, which wanted `accesskey`, is gone.
  parameters.ignore("tempurlcontainerkey", "tempurlmethods", "accesskey");
  parameters.end();
  const store = new SwiftStore({ client, chunkSize, segments: new Segments(client, root) });
  return new ObjectDriver("swift", store, `${root}files`);
}

function loginOf(parameters: Parameters): SwiftLogin {
  const authUrl = parameters.required("authurl");
  if (!URL.canParse(authUrl))
    throw new Failure("invalid", `storage.swift.authurl is not an address: ${authUrl}`);
  const project = {
    name: parameters.text("tenant"),
    id: parameters.text("tenantid"),
    domainName: parameters.text("tenantdomain"),
    domainId: parameters.text("tenantdomainid"),
  };
  return {
    authUrl,
    version: versionOf(parameters, authUrl),
    username: parameters.required("username"),
    password: parameters.required("password"),
    domain: { name: parameters.text("domain"), id: parameters.text("domainid") },
    project,
    trustId: parameters.text("trustid"),
    region: parameters.text("region"),
    endpointType: parameters.oneOf("endpointtype", ["public", "internal", "admin"] as const, "public"),
    skipVerify: parameters.flag("insecureskipverify", false),
  };
}

/** `authversion`, else what the address says: `/v1.0`, `/v3`. */
function versionOf(parameters: Parameters, authUrl: string): 1 | 3 {
  const said = /\/v([123])(?:\.\d+)?\/?$/.exec(new URL(authUrl).pathname)?.[1];
  const version = parameters.integer("authversion", 0, { least: 0, most: 3 }) || Number(said ?? 3);
  if (version === 1 || version === 3) return version;
  throw new Failure(
    "unsupported",
    "storage.swift.authversion is 2, which OpenStack removed in 2018; 1 and 3 are supported",
  );
}
