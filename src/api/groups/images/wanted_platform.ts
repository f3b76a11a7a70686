/** `platform` of requests that mean one image of several: an OCI platform as JSON. */
import { Failure } from "../../../errors.ts";
import { formatPlatform, suitsPlatform, type Platform } from "../../../oci/index.ts";
import type { ApiVersion, Call } from "../../http/index.ts";

/**
 * @param since version of the API from which on the route takes it
 * @throws Failure("invalid") in Docker's words (moby, daemon/server/httputils, `DecodePlatform`)
 */
export function wantedPlatform(call: Call, since: ApiVersion): Platform | undefined {
  const text = call.isAtLeast(since) ? (call.query.get("platform") ?? "") : "";
  if (text === "") return undefined;
  const { os, architecture, variant } = parsed(text);
  if (!isText(os) || !isText(architecture))
    throw new Failure("invalid", "both OS and Architecture must be provided");
  return { os, architecture, ...(isText(variant) && { variant }) };
}

/** @throws Failure("not-found") in Docker's words (moby, daemon/images/image.go) */
export function checkWanted(wanted: Platform | undefined, name: string, image: Platform): void {
  if (wanted === undefined || suitsPlatform(image, wanted)) return;
  const [asked, found] = [formatPlatform(wanted), formatPlatform(image)];
  throw new Failure(
    "not-found",
    `image with reference ${name} was found but does not match the specified platform: wanted ${asked}, actual: ${found}`,
  );
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const given: unknown = JSON.parse(text);
    if (typeof given === "object" && given !== null) return given as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new Failure(
    "invalid",
    `failed to parse platform: ${JSON.stringify(text.slice(0, 100))} is no JSON object`,
  );
}

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
