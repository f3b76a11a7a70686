/** An HTTP answer that says no, as a failure in Docker's words. */
import { collect } from "../bytes/index.ts";
import { Failure, type FailureKind } from "../errors.ts";
import { parseRegistryErrors, registryErrorCodes, type RegistryErrorItem } from "../wire/index.ts";
import { parseChallenges } from "./auth/challenge.ts";
import { describeRequest, type HttpAnswer } from "./http/send.ts";

const bodyLimit = 1 << 20;

/** Status and codes stay readable, for the callers that know a way out. */
export class Refusal extends Failure {
  readonly status: number;
  readonly codes: readonly string[];

  constructor(kind: FailureKind, message: string, status: number, codes: readonly string[], hint?: string) {
    super(kind, message, hint === undefined ? {} : { hint });
    this.status = status;
    this.codes = codes;
  }
}

/** Reads the body of an answer of 400 or more (or one that makes no sense) and says what it means. */
export async function refusalOf(method: string, answer: HttpAnswer): Promise<Refusal> {
  const { status } = answer;
  const items = await itemsOf(answer);
  const codes = items.map(({ code }) => code);
  if (items.length === 0) return new Refusal(kindOf(status, []), plainText(method, answer), status, []);
  const texts = items.map(formatItem);
  const message = texts.length === 1 ? (texts[0] as string) : `errors:\n${texts.join("\n")}\n`;
  return new Refusal(kindOf(status, codes), message, status, codes, hintOf(status));
}

/** The answer's body, in full, for small JSON; empty when it is too large or breaks. */
async function itemsOf(answer: HttpAnswer): Promise<RegistryErrorItem[]> {
  const bytes = await collect(answer.body, bodyLimit).catch(() => Buffer.alloc(0));
  const items = parseRegistryErrors(Buffer.from(bytes).toString("utf8"));
  // distribution's client lets the header's OAuth error go before the body (registry/client/errors.go).
  for (const { scheme, parameters } of parseChallenges(answer.headers["www-authenticate"])) {
    const code = scheme === "bearer" ? oauthCodes[parameters["error"] ?? ""] : undefined;
    if (code === undefined) continue;
    return [{ code, message: parameters["error_description"] || registryErrorCodes[code].message }];
  }
  // Token servers say it without a code.
  return items.map((item) => (item.code === "UNKNOWN" ? { ...item, code: codeOf(answer.status) } : item));
}

const oauthCodes: Readonly<Record<string, "UNAUTHORIZED" | "DENIED">> = {
  invalid_token: "UNAUTHORIZED",
  insufficient_scope: "DENIED",
};

function codeOf(status: number): string {
  if (status === 401) return "UNAUTHORIZED";
  if (status === 403) return "DENIED";
  return status === 429 ? "TOOMANYREQUESTS" : "UNKNOWN";
}

/** `manifest unknown: manifest unknown`: the code in words, then the message (distribution, errcode.Error). */
function formatItem({ code, message }: RegistryErrorItem): string {
  const words = code.toLowerCase().replaceAll("_", " ");
  const standard = Object.hasOwn(registryErrorCodes, code)
    ? registryErrorCodes[code as keyof typeof registryErrorCodes].message
    : undefined;
  const text = message || standard;
  return text === undefined ? words : `${words}: ${text}`;
}

function plainText(method: string, answer: HttpAnswer): string {
  const status = `${answer.status} ${answer.statusText}`.trim();
  if (answer.status === 401) return "unauthorized: authentication required";
  if (answer.status >= 500 || answer.status < 400) return `received unexpected HTTP status: ${status}`;
  return `${describeRequest(method, answer.url)}: unexpected HTTP status: ${status}`;
}

function hintOf(status: number): string | undefined {
  if (status === 401) return "Log in to the registry first: varve login";
  return status === 429 ? "Wait a while, or log in: registries permit more to known users." : undefined;
}

function kindOf(status: number, codes: readonly string[]): FailureKind {
  if (status === 401) return codes.includes("DENIED") ? "denied" : "unauthorized";
  if (status === 403) return "denied";
  if (status === 404) return "not-found";
  if (status === 413) return "limit";
  if (status === 400 || status === 409 || status === 416) return "invalid";
  return status === 405 || status === 415 ? "unsupported" : "unavailable";
}
