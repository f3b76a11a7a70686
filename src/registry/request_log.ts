/** What was asked of the registry, in the order of arrival. */
import type { IncomingMessage, ServerResponse } from "node:http";

export interface RequestRecord {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  /** With `?`, or empty. */
  readonly query: string;
  /** The scheme of the Authorization header only: secrets are not kept. */
  readonly authorization?: string;
  readonly range?: string;
  readonly userAgent?: string;
  /** Undefined until the answer ended; 0 when the connection broke before an answer began. */
  status?: number;
  /** Body bytes received from the client. */
  received: number;
  /** Body bytes handed to the connection. */
  sent: number;
}

/** Makes the record; its status is filled in when the answer is out. */
export function recordRequest(
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
): RequestRecord {
  const mark = target.indexOf("?");
  const { authorization, range, "user-agent": userAgent } = request.headers;
  const record: RequestRecord = {
    method: request.method ?? "",
    path: mark < 0 ? target : target.slice(0, mark),
    query: mark < 0 ? "" : target.slice(mark),
    ...(authorization === undefined ? {} : { authorization: authorization.split(" ")[0] as string }),
    ...(range === undefined ? {} : { range }),
    ...(userAgent === undefined ? {} : { userAgent }),
    received: 0,
    sent: 0,
  };
  response.once("close", () => (record.status = response.headersSent ? response.statusCode : 0));
  return record;
}
