/**
 * Storage in Google Cloud Storage. Parameters and objects are those of distribution's driver `gcs`, uploads under way
 * included. `endpoint` is ours, for what stands in for Google; the environment's `STORAGE_EMULATOR_HOST` does the same.
 */
import { Failure } from "../../errors.ts";
import { GcsStore } from "./gcs/gcs_store.ts";
import { googleIdentity, readKey, type Environment, type GoogleKey } from "./gcs/google_auth.ts";
import { quantum } from "./gcs/resumable_file.ts";
import { HttpClient } from "./objects/http_client.ts";
import { ObjectDriver } from "./objects/object_driver.ts";
import { Parameters, type ParameterValues } from "./parameters.ts";
import type { StorageDriver } from "./types.ts";

/** Throws `Failure("invalid")` for parameters that are wrong. */
export function openGcs(values: ParameterValues, environment: Environment = process.env): StorageDriver {
  const parameters = new Parameters("gcs", values);
  const bucket = parameters.required("bucket");
  const chunkSize = parameters.integer("chunksize", 16 << 20, { least: quantum });
  if (chunkSize % quantum !== 0) {
    throw new Failure(
      "invalid",
      `storage.gcs.chunksize must be a multiple of ${quantum}, found ${chunkSize}`,
    );
  }
  const emulator = environment["STORAGE_EMULATOR_HOST"];
  const identity = googleIdentity(keyOf(parameters), environment);
  const userAgent = parameters.text("useragent");
  const sign = async (): Promise<Record<string, string>> => ({
    Authorization: `Bearer ${await identity.token()}`,
  });
  const http = new HttpClient({
    driver: "gcs",
    sign: emulator ? async () => ({}) : sign,
    ...(userAgent === undefined ? {} : { userAgent }),
  });
  const endpoint = endpointOf(parameters, emulator);
  const rootDirectory = parameters.text("rootdirectory") ?? "";
  // A limit of distribution's on requests at once; connections are kept and counted here anyway.
  parameters.ignore("maxconcurrency");
  parameters.end();
  const store = new GcsStore({ http, endpoint, bucket, chunkSize, signer: identity.signer });
  return new ObjectDriver("gcs", store, rootDirectory);
}

function endpointOf(parameters: Parameters, emulator: string | undefined): URL {
  const text = parameters.text("endpoint") ?? emulator ?? "https://storage.googleapis.com";
  const whole = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (URL.canParse(whole)) return new URL(whole);
  throw new Failure("invalid", `storage.gcs.endpoint is not an address: ${text}`);
}

/** `keyfile`, or the same values as a map. */
function keyOf(parameters: Parameters): (() => Promise<GoogleKey>) | undefined {
  const file = parameters.text("keyfile");
  const names = ["type", "client_email", "private_key", "private_key_id", "token_uri"] as const;
  const section = parameters.section("credentials");
  if (file !== undefined) return () => readKey(file);
  if (section === undefined) return undefined;
  const key = Object.fromEntries(names.map((name) => [name, section.text(name)]));
  // The rest of a key file that was pasted: addresses and certificates that nobody needs.
  section.ignore(
    "project_id",
    "client_id",
    "auth_uri",
    "auth_provider_x509_cert_url",
    "client_x509_cert_url",
    "universe_domain",
  );
  section.end();
  return async () => key;
}
