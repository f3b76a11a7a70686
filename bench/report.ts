/** Measurements as tables. */
import type { Sample } from "./compare.ts";
import type { ListingTimes } from "./listing.ts";
import { median } from "./measure/statistics.ts";

export interface Report {
  /** What was measured, on what, and how. */
  readonly circumstances: readonly string[];
  readonly images: readonly { readonly name: string; readonly title: string }[];
  readonly samples: readonly Sample[];
  readonly listings: ListingTimes | undefined;
}

interface Row {
  readonly peer: string;
  readonly pull: number;
  readonly sync: number;
  readonly total: number;
  readonly fastest: number;
  readonly slowest: number;
  readonly user: number;
  readonly system: number;
  readonly memory: number;
}

const reference = "varve";
/** Bytes that no pull by varve may pass. */
const memoryBound = 300 * 2 ** 20;
/** Milliseconds in which a listing has to answer. */
const listingBound = 100;

export function formatReport(report: Report): string {
  const tables = report.images.map(({ name, title }) => {
    const rows = rowsOf(report.samples.filter(({ image }) => image === name));
    return `\n${name}: ${title}\n${table(rows)}`;
  });
  return [...report.circumstances, ...tables, ...memoryLines(report), ...listingLines(report)].join("\n");
}

/** Medians, in the order of the time that they took. */
function rowsOf(samples: readonly Sample[]): Row[] {
  const peers = [...new Set(samples.map(({ peer }) => peer))];
  const rows = peers.map((peer): Row => {
    const own = samples.filter((sample) => sample.peer === peer);
    const of = (value: (sample: Sample) => number): number => median(own.map(value));
    const totals = own.map(({ pullSeconds, syncSeconds }) => pullSeconds + syncSeconds);
    return {
      peer,
      pull: of(({ pullSeconds }) => pullSeconds),
      sync: of(({ syncSeconds }) => syncSeconds),
      total: median(totals),
      fastest: Math.min(...totals),
      slowest: Math.max(...totals),
      user: of(({ userSeconds }) => userSeconds),
      system: of(({ systemSeconds }) => systemSeconds),
      memory: Math.max(...own.map(({ peakMemory }) => peakMemory)),
    };
  });
  return rows.sort((a, b) => a.total - b.total);
}

function table(rows: readonly Row[]): string {
  const own = rows.find(({ peer }) => peer === reference);
  const ratio = (value: number, of: number | undefined): string =>
    of === undefined ? "-" : `${(value / of).toFixed(2)}x`;
  const seconds = (value: number): string => value.toFixed(2);
  const lines = rows.map((row) => [
    row.peer,
    seconds(row.pull),
    seconds(row.sync),
    seconds(row.total),
    `${seconds(row.fastest)}-${seconds(row.slowest)}`,
    ratio(row.total, own?.total),
    seconds(row.user + row.system),
    `${seconds(row.user)}+${seconds(row.system)}`,
    ratio(row.user + row.system, own && own.user + own.system),
  ]);
  return columns([
    ["", "pull s", "sync s", "total", "range", "ratio", "CPU s", "user+sys", "ratio"],
    ...lines,
  ]);
}

function columns(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const pad = (cell: string, i: number): string =>
    i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number);
  return lines.map((line) => `  ${line.map(pad).join("  ")}`).join("\n");
}

function memoryLines({ samples }: Report): string[] {
  const own = samples.filter(({ peer }) => peer === reference);
  if (own.length === 0) return [];
  const most = Math.max(...own.map(({ peakMemory }) => peakMemory));
  const verdict = most < memoryBound ? "below" : "OVER";
  return [`\nPeak memory of varve: ${Math.round(most / 2 ** 20)} MiB, ${verdict} the bound of 300 MiB.`];
}

function listingLines({ listings }: Report): string[] {
  if (listings === undefined) return [];
  const times = Object.entries(listings.milliseconds).map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`);
  const slow = Object.values(listings.milliseconds).some((ms) => ms >= listingBound);
  return [
    `On a store of ${listings.images} images: ${times.join(", ")} (bound ${listingBound} ms${slow ? ": TOO SLOW" : ""}).`,
  ];
}
