/**
 * Storage in Azure Blob Storage. Parameters and blobs are those of distribution's driver `azure` (append blobs for uploads).
 * `credentials.type` is `shared_key` (also meant by an `accountkey`), `client_secret` or `default_credentials`.
 */
import { Failure } from "../../errors.ts";
import { azureSigner, type AzureCredentials, type Environment } from "./azure/azure_auth.ts";
import { AzureStore } from "./azure/azure_store.ts";
import { HttpClient } from "./objects/http_client.ts";
import { ObjectDriver } from "./objects/object_driver.ts";
import { Parameters, type ParameterValues } from "./parameters.ts";
import type { StorageDriver } from "./types.ts";

/** Throws `Failure("invalid")` for parameters that are wrong. */
export function openAzure(values: ParameterValues, environment: Environment = process.env): StorageDriver {
  const parameters = new Parameters("azure", values);
  const account = parameters.required("accountname");
  const container = parameters.required("container");
  const realm = parameters.text("realm") ?? "core.windows.net";
  const service = parameters.text("serviceurl") ?? `https://${account}.blob.${realm}`;
  if (!URL.canParse(service))
    throw new Failure("invalid", `storage.azure.serviceurl is not an address: ${service}`);
  const credentials = credentialsOf(parameters, account);
  const http = new HttpClient({
    driver: "azure",
    sign: azureSigner(credentials, environment),
    skipVerify: parameters.flag("skipverify", false),
    attempts: parameters.integer("max_retries", 5, { least: 1, most: 100 }),
    backoff: parameters.duration("retry_delay", 100),
  });
  const rootDirectory = parameters.text("rootdirectory") ?? "";
  parameters.end();
  const store = new AzureStore({
    http,
    container,
    base: new URL(`${service.replace(/\/$/, "")}/${container}`),
    ...(credentials.kind === "shared-key" ? { sharedKey: credentials } : {}),
  });
  return new ObjectDriver("azure", store, rootDirectory);
}

function credentialsOf(parameters: Parameters, account: string): AzureCredentials {
  const key = parameters.text("accountkey");
  const section = parameters.section("credentials");
  const types = ["shared_key", "client_secret", "default_credentials"] as const;
  const type =
    section?.oneOf("type", types, "shared_key") ?? (key === undefined ? "default_credentials" : "shared_key");
  const [client, tenant, secret] = ["clientid", "tenantid", "secret"].map((name) => section?.text(name));
  section?.end();
  switch (type) {
    case "shared_key":
      return { kind: "shared-key", account, key: key ?? parameters.required("accountkey") };
    case "client_secret":
      if (client !== undefined && tenant !== undefined && secret !== undefined) {
        return { kind: "client-secret", client, tenant, secret };
      }
      throw new Failure(
        "invalid",
        "storage.azure.credentials of type client_secret needs clientid, tenantid and secret",
      );
    case "default_credentials":
      return { kind: "default" };
  }
}
