/** Reads a small JSON document from the operator's identity provider, with bounds on everything. */
import { Failure, isFailure } from "../../../errors.ts";

const longestDocument = 1 << 20;
const longestWait = 10_000;

export interface Fetched {
  readonly text: string;
  /** Seconds for which the provider says that it stays true, if it does. */
  readonly maxAge: number | undefined;
}

/** @throws Failure "unavailable" if there is no answer of status 200 within 10 s; "limit" beyond 1 MiB */
export async function fetchDocument(url: string): Promise<Fetched> {
  try {
    const signal = AbortSignal.timeout(longestWait);
    // A redirect would lead to where the operator did not send us.
    const response = await fetch(url, { signal, redirect: "error", headers: { Accept: "application/json" } });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Failure("unavailable", `${url} answers ${response.status}`);
    }
    const maxAge = /max-age=(\d{1,9})/.exec(response.headers.get("cache-control") ?? "")?.[1];
    return {
      text: await boundedText(url, response),
      maxAge: maxAge === undefined ? undefined : Number(maxAge),
    };
  } catch (error) {
    if (isFailure(error)) throw error;
    throw new Failure("unavailable", `cannot read ${url}`, { cause: error });
  }
}

async function boundedText(url: string, response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > longestDocument) throw new Failure("limit", `${url} is longer than ${longestDocument} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
