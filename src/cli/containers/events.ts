import { line, type App } from "../app.ts";
import { daemonOf } from "../daemon_client.ts";
import { jsonLines } from "../engine_client/index.ts";
import { compileTemplate, interruptedCode, plainJson } from "../kit/index.ts";
import { parseFilters } from "../parse_filters.ts";
import { timestamp } from "./timestamp.ts";

export interface EventsFlagValues {
  readonly filter: readonly string[];
  readonly format: string | undefined;
  readonly since: string | undefined;
  readonly until: string | undefined;
}

interface EventMessage {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> | null };
  /** Nanoseconds since 1970, which no number holds. */
  readonly timeNano: bigint;
}

/** Prints events as they come. Returns 0 when `--until` is over, 130 after Ctrl-C. */
export async function showEvents(app: App, flags: EventsFlagValues, signal: AbortSignal): Promise<number> {
  const { since, until } = flags;
  const text = textOf(app, flags.format);
  const now = Date.now();
  const filters = filtersText(flags.filter);
  const client = await daemonOf(app);
  try {
    const stream = await client.stream("GET", "/events", {
      query: { since: timestamp(since, now), until: timestamp(until, now), filters },
      signal,
    });
    for await (const event of jsonLines<EventMessage>(stream, exactly)) line(app, text(sorted(event)));
  } catch (error) {
    if (signal.aborted) return interruptedCode;
    throw error;
  }
  return 0;
}

/** As Go marshals maps, whoever sent them. */
function sorted(event: EventMessage): EventMessage {
  const attributes = Object.entries(event.Actor.Attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...event, Actor: { ...event.Actor, Attributes: Object.fromEntries(attributes) } };
}

function exactly(key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  return key === "timeNano" && source !== undefined && /^\d+$/.test(source) ? BigInt(source) : value;
}

/** `{"type":["container"]}`; "" for none. */
function filtersText(filters: readonly string[]): string {
  const found = [...parseFilters(filters)].map(([name, values]) => [name, [...values]]);
  return found.length === 0 ? "" : JSON.stringify(Object.fromEntries(found));
}

function textOf(app: App, format: string | undefined): (event: EventMessage) => string {
  if (app.json || format === "json") return plainJson;
  if (format === undefined || format === "") return sentence;
  const template = compileTemplate(format.replaceAll("\\t", "\t").replaceAll("\\n", "\n"));
  return (event) => template(event as unknown as Record<string, unknown>);
}

/** `2026-11-29T01:50:44.220750255Z container die 43a3… (exitCode=0, name=web)`. */
function sentence({ timeNano, Type, Action, Actor }: EventMessage): string {
  const attributes = Object.entries(Actor.Attributes ?? {}).map(([key, value]) => `${key}=${value}`);
  const more = attributes.length === 0 ? "" : ` (${attributes.sort().join(", ")})`;
  return printable(`${localTime(timeNano)} ${Type} ${Action} ${Actor.ID}${more}`);
}

/** Labels are of the makers of images: their control codes must not reach a terminal. */
function printable(text: string): string {
  return text.replace(
    /[\x00-\x1f\x7f-\x9f]/g,
    (code) => `\\x${code.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** RFC 3339 with nine digits, in local time. */
function localTime(nanoseconds: bigint): string {
  const milliseconds = Number(nanoseconds / 1_000_000n);
  const offset = -new Date(milliseconds).getTimezoneOffset();
  const shifted = new Date(milliseconds + offset * 60_000).toISOString().slice(0, 19);
  const fraction = String(nanoseconds % 1_000_000_000n).padStart(9, "0");
  const two = (value: number): string => String(Math.trunc(value)).padStart(2, "0");
  const minutes = Math.abs(offset);
  const zone = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
  return `${shifted}.${fraction}${zone}`;
}
