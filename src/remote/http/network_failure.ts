/** What went wrong below HTTP, in Docker's (that is, Go's) words, and whether trying again may help. */
import { Failure } from "../../errors.ts";

/** Thrown by `send` for everything that is not an HTTP answer. Never leaves this folder's callers unwrapped. */
export class NetworkFailure extends Failure {
  /** A fault that may pass by itself: a reset, a time-out, a busy name server. */
  readonly transient: boolean;
  /** No way led to the peer: no name server answered, or there is no route. */
  readonly noWay: boolean;
  /** The peer was there but did not speak TLS: the plain form may work where it is permitted. */
  readonly notTls: boolean;

  constructor(request: string, error: NetworkError) {
    const { text, hint } = describe(error);
    super("unavailable", `${request}: ${text}`, { cause: error, ...(hint === undefined ? {} : { hint }) });
    this.noWay = noWayCodes.has(error.code ?? "");
    this.transient = this.noWay || transientCodes.has(error.code ?? "");
    this.notTls = notTlsCodes.has(error.code ?? "");
  }
}

export interface NetworkError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  readonly errors?: readonly NetworkError[];
}

/** The code that `send` gives a connection on which nothing came for too long. */
export const idleCode = "VARVE_IDLE";

const transientCodes = new Set([
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ERR_STREAM_PREMATURE_CLOSE",
  idleCode,
]);
const noWayCodes = new Set(["EAI_AGAIN", "ENETDOWN", "ENETUNREACH", "EHOSTUNREACH"]);
// A server without TLS answers the ClientHello with plain text, or hangs up.
const notTlsCodes = new Set([
  "EPROTO",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "ECONNRESET",
]);

const unknownAuthority = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

function describe(error: NetworkError): { text: string; hint?: string } {
  // Several addresses were tried: the first failure is as good as any.
  const first = error.errors?.[0] ?? error;
  const { code = "" } = first;
  if (unknownAuthority.has(code)) {
    return {
      text: "x509: certificate signed by unknown authority",
      hint: "Put the authority's certificate into /etc/docker/certs.d/HOST/ca.crt, or name HOST under insecure-registries.",
    };
  }
  switch (code) {
    case "ECONNREFUSED":
      return {
        text: `${dial(first)}: connect: connection refused`,
        hint: "Is the registry running at this address?",
      };
    case "ENOTFOUND":
      return { text: `dial tcp: lookup ${first.hostname}: no such host`, hint: "Check the registry's name." };
    case "EAI_AGAIN":
      return {
        text: `dial tcp: lookup ${first.hostname}: server misbehaving`,
        hint: "Check the name server.",
      };
    case "ETIMEDOUT":
      return {
        text: `${dial(first)}: i/o timeout`,
        hint: "Check the network, and HTTPS_PROXY if there is a proxy.",
      };
    case "ENETUNREACH":
      return { text: `${dial(first)}: connect: network is unreachable` };
    case "EHOSTUNREACH":
      return { text: `${dial(first)}: connect: no route to host` };
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return { text: "x509: certificate has expired or is not yet valid" };
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return { text: `x509: ${first.message}` };
    case "EPROTO":
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return {
        text: "http: server gave HTTP response to HTTPS client",
        hint: "If the registry has no TLS, name it under insecure-registries.",
      };
    case "ECONNRESET":
      return { text: "connection reset by peer" };
    default:
      return { text: first.message || code || "connection failed" };
  }
}

function dial({ address, port }: NetworkError): string {
  if (address === undefined) return "dial tcp";
  return `dial tcp ${address.includes(":") ? `[${address}]` : address}:${port}`;
}
