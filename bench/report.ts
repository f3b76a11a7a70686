/** Measurements as tables. */
import { buildLines } from "./builds/build_lines.ts";
import type { BuildTimes } from "./builds/time_builds.ts";
import type { Cost, Sample } from "./compare.ts";
import type { ContainerTimes } from "./containers.ts";
import { engineLines } from "./engines/engine_lines.ts";
import type { EngineTimes } from "./engines/time_engines.ts";
import type { ListingTimes } from "./listing.ts";
import { median } from "./measure/statistics.ts";
import { registryLines } from "./registries/registry_lines.ts";
import type { RegistryTimes } from "./registries/time_registries.ts";
import { columns, ratio } from "./table.ts";

export interface Report {
  /** What was measured, on what, and how. */
  readonly circumstances: readonly string[];
  readonly images: readonly { readonly name: string; readonly title: string }[];
  readonly samples: readonly Sample[];
  readonly listings: ListingTimes | undefined;
  readonly builds: BuildTimes | undefined;
  readonly registries: RegistryTimes | undefined;
  readonly engines: EngineTimes | undefined;
  readonly containers: { readonly title: string; readonly times: ContainerTimes } | undefined;
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
  readonly removal: number;
  readonly removalSync: number;
  readonly removalTotal: number;
  /** Bytes; NaN where they were not counted. */
  readonly stored: number;
  readonly left: number;
}

const reference = "varve";
/** The same program with the other driver. */
const unpacking = "varve-overlay2";
/** Bytes that no pull by varve may pass. */
const memoryBound = 300 * 2 ** 20;
/** Milliseconds in which a listing has to answer. */
const listingBound = 100;

export function formatReport(report: Report): string {
  const tables = report.images.map(({ name, title }) => {
    const rows = rowsOf(report.samples.filter(({ image }) => image === name));
    return `\n${name}: ${title}\n${table(rows)}`;
  });
  const builds = report.builds === undefined ? [] : buildLines(report.builds);
  const registries = report.registries === undefined ? [] : registryLines(report.registries);
  const engines = report.engines === undefined ? [] : engineLines(report.engines);
  const lines = [
    "",
    ...memoryLines(report),
    ...containerLines(report),
    ...builds,
    ...listingLines(report),
    ...registries,
    ...engines,
  ];
  return [...report.circumstances, ...tables, ...lines].join("\n");
}

const totalOf = ({ seconds, syncSeconds }: Cost): number => seconds + syncSeconds;

/** Medians, in the order of the time that the pulls took. */
function rowsOf(samples: readonly Sample[]): Row[] {
  const peers = [...new Set(samples.map(({ peer }) => peer))];
  const rows = peers.map((peer): Row => {
    const own = samples.filter((sample) => sample.peer === peer);
    const of = (value: (sample: Sample) => number): number => median(own.map(value));
    const totals = own.map(({ pull }) => totalOf(pull));
    return {
      peer,
      pull: of(({ pull }) => pull.seconds),
      sync: of(({ pull }) => pull.syncSeconds),
      total: median(totals),
      fastest: Math.min(...totals),
      slowest: Math.max(...totals),
      user: of(({ pull }) => pull.userSeconds),
      system: of(({ pull }) => pull.systemSeconds),
      removal: of(({ removal }) => removal.seconds),
      removalSync: of(({ removal }) => removal.syncSeconds),
      removalTotal: of(({ removal }) => totalOf(removal)),
      stored: of(({ stored }) => stored ?? NaN),
      left: of(({ left }) => left ?? NaN),
    };
  });
  return rows.sort((a, b) => a.total - b.total);
}

const headings = ["", "pull s", "sync s", "total", "range", "ratio", "CPU s", "user+sys", "ratio"];
const removalHeadings = ["rmi+sync s", "ratio"];
const spaceHeadings = ["disk MB", "left"];

function table(rows: readonly Row[]): string {
  const own = rows.find(({ peer }) => peer === reference);
  const seconds = (value: number): string => value.toFixed(2);
  const hasSpace = rows.some(({ stored }) => !Number.isNaN(stored));
  const megabytes = (value: number): string => (value / 1e6).toFixed(0);
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
    `${seconds(row.removal)}+${seconds(row.removalSync)}`,
    ratio(row.removalTotal, own?.removalTotal),
    ...(hasSpace ? [megabytes(row.stored), megabytes(row.left)] : []),
  ]);
  return columns([[...headings, ...removalHeadings, ...(hasSpace ? spaceHeadings : [])], ...lines]);
}

function memoryLines({ samples }: Report): string[] {
  return [reference, unpacking].flatMap((peer) => {
    const own = samples.filter((sample) => sample.peer === peer);
    if (own.length === 0) return [];
    const most = Math.max(...own.map(({ pull }) => pull.peakMemory));
    const verdict = most < memoryBound ? "below" : "OVER";
    return [`Peak memory of ${peer}: ${Math.round(most / 2 ** 20)} MiB, ${verdict} the bound of 300 MiB.`];
  });
}

function containerLines({ containers }: Report): string[] {
  if (containers === undefined) return [];
  const { title, times } = containers;
  const [first] = Object.values(times);
  const peers = Object.keys(first ?? {});
  const lines = Object.entries(times).map(([action, byPeer]) => {
    const medianOf = (peer: string): number => median(byPeer[peer] ?? []);
    const cells = peers.map((peer) => medianOf(peer).toFixed(0));
    return [action, ...cells, ratio(medianOf(reference), medianOf(unpacking))];
  });
  const counts = `medians in ms; "ratio" is ${reference} to ${unpacking}`;
  return [`\nrun: ${title}; ${counts}\n${columns([["", ...peers, "ratio"], ...lines])}`];
}

function listingLines({ listings }: Report): string[] {
  if (listings === undefined) return [];
  const times = Object.entries(listings.milliseconds).map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`);
  const slow = Object.values(listings.milliseconds).some((ms) => ms >= listingBound);
  return [
    `\nOn a store of ${listings.images} images: ${times.join(", ")} (bound ${listingBound} ms${slow ? ": TOO SLOW" : ""}).`,
  ];
}
