/** `GET /containers/{id}/logs` (Engine API, Container; behaviour B178). */
import { written } from "../../bytes/index.ts";
import { Failure } from "../../errors.ts";
import { fixedNanoTime } from "../../oci/index.ts";
import type { Daemon, LogRecord } from "../../engine/index.ts";
import { ApiError, frame, multiplexedStream, rawStream, type Call, type Route } from "../http/index.ts";

export function logRoutes(daemon: Daemon): Route[] {
  return [{ method: "GET", path: "/containers/:id*/logs", handle: (call) => logs(daemon, call) }];
}

async function logs(daemon: Daemon, call: Call): Promise<void> {
  const streams = (["stdout", "stderr"] as const).filter((name) => call.flag(name));
  if (streams.length === 0) {
    throw new ApiError(400, "Bad parameters: you must choose at least one stream");
  }
  const { ID, Config } = await daemon.live.find(call.param("id"));
  const query = { streams, since: timeOf(call, "since"), until: timeOf(call, "until"), tail: tailOf(call) };
  const options = { ...query, follow: call.flag("follow"), signal: call.signal };
  const records = await daemon.engine.containers.logs(ID, options);
  const terminal = Config.Tty === true;
  const isFramed = !terminal && call.isAtLeast("1.42");
  const out = call.stream(isFramed ? multiplexedStream : rawStream);
  const print = printer(call, terminal);
  for await (const some of records) {
    await written(out, Buffer.concat(some.map(print)));
    if (call.signal.aborted) break;
  }
  out.end();
}

/** Docker's text of a line (moby, api/server/httputils/write_log_stream.go). */
function printer(call: Call, terminal: boolean): (record: LogRecord) => Buffer {
  const [details, timestamps] = [call.flag("details"), call.flag("timestamps")];
  return ({ stream, time, bytes, attributes }) => {
    const before = `${timestamps ? `${fixedNanoTime(time)} ` : ""}${details ? `${detailsOf(attributes)} ` : ""}`;
    const line = before === "" ? bytes : Buffer.concat([Buffer.from(before), bytes]);
    return terminal ? Buffer.from(line) : frame(stream, line);
  };
}

function detailsOf(attributes: LogRecord["attributes"]): string {
  const pairs = Object.entries(attributes).map(([name, value]) => `${escaped(name)}=${escaped(value)}`);
  return pairs.sort().join(",");
}

/** Go's `url.QueryEscape`. */
function escaped(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}

/** Seconds since 1970, with a fraction or without; 0 and nothing are no bound. */
function timeOf(call: Call, name: string): bigint | undefined {
  const text = call.query.get(name) ?? "";
  if (text === "" || text === "0") return undefined;
  const [, seconds, fraction = ""] = /^(-?\d{1,12})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (seconds === undefined) {
    throw new Failure("invalid", `strconv.ParseInt: parsing "${text}": invalid syntax`);
  }
  const time = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
  return time === 0n ? undefined : time;
}

/** What is no number means all, as for Docker. */
function tailOf(call: Call): number | undefined {
  const text = call.query.get("tail") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
