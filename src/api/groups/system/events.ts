/** `GET /events`: what was, from the events that are kept, then what happens (moby, api/server/router/system). */
import type { ServerResponse } from "node:http";
import type { Daemon, EngineEvent } from "../../../engine/index.ts";
import { Failure } from "../../../errors.ts";
import { Filters, writeChunk, type Call } from "../../http/index.ts";
import { isWanted } from "./is_wanted.ts";

/**
 * Bytes of events that wait for a client. One that reads none of them any more is cut off: events cannot be held back, and
 * it would find out nothing by a gap.
 */
const largestBacklog = 1024 * 1024;

export async function events({ events: bus }: Daemon, call: Call): Promise<void> {
  const [since, until] = [moment(call, "since"), moment(call, "until")];
  if (since !== undefined && until !== undefined && until < since) {
    const [from, to] = [call.query.get("since"), call.query.get("until")];
    throw new Failure("invalid", `\`since\` time (${from}) cannot be after \`until\` time (${to})`);
  }
  // Those that it does not know Docker passes over here.
  const filters = Filters.parse(call.query.get("filters"));
  const response = call.stream("application/json");
  const isKnown = (event: EngineEvent): boolean => call.isAtLeast("1.46") || !isImageCreate(event);
  const send = (event: EngineEvent): void => {
    if (isKnown(event) && isWanted(event, filters)) write(response, event);
  };
  // Without either only what happens from now on.
  const kept = since === undefined && until === undefined ? [] : bus.recent;
  for (const event of kept) {
    if (event.timeNano >= (since ?? 0n) && (until === undefined || event.timeNano <= until)) send(event);
  }
  const left = until === undefined ? Infinity : Number(until / 1_000_000n) - Date.now();
  if (left > 0) {
    const listening = bus.listen(send);
    await untilOver(call.signal, left);
    listening[Symbol.dispose]();
  }
  response.end();
}

/** Events of images that a build or a commit made are as new as that version. */
function isImageCreate({ Type, Action }: EngineEvent): boolean {
  return Type === "image" && Action === "create";
}

function write(response: ServerResponse, event: EngineEvent): void {
  if (response.destroyed) return;
  writeChunk(response, `${toLine(event)}\n`);
  if (response.writableLength > largestBacklog) response.destroy();
}

/** With the fields of the first versions, which newer ones have as well up to 1.51 (moby, daemon/events/events.go). */
function toLine(event: EngineEvent): string {
  const { Type, Action, Actor, time, timeNano } = event;
  const old =
    Type === "container"
      ? { status: Action, id: Actor.ID, from: Actor.Attributes["image"] ?? "" }
      : Type === "image"
        ? { status: Action, id: Actor.ID }
        : {};
  const text = JSON.stringify({ ...old, Type, Action, Actor, scope: event.scope, time });
  return `${text.slice(0, -1)},"timeNano":${timeNano}}`;
}

/** The longest wait that a timer can be set for. */
const longestTimer = 2 ** 31 - 1;

async function untilOver(signal: AbortSignal, milliseconds: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const over = (): void => resolve();
  if (signal.aborted) return;
  signal.addEventListener("abort", over, { once: true });
  const timer = milliseconds <= longestTimer ? setTimeout(over, milliseconds) : undefined;
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", over);
  }
}

/** Seconds with up to nine digits of fraction, as clients send it; nanoseconds since 1970. */
function moment(call: Call, name: string): bigint | undefined {
  const text = call.query.get(name) ?? "";
  if (text === "") return undefined;
  const [, seconds, fraction = ""] = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (seconds === undefined)
    throw new Failure("invalid", `strconv.ParseInt: parsing "${text}": invalid syntax`);
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}
