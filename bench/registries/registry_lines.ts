/** Times of registries as tables. */
import { median } from "../measure/statistics.ts";
import { columns, ratio } from "../table.ts";
import type { Measured } from "./registry_server.ts";
import type { GrowthTimes } from "./time_growth.ts";
import type { PhaseWork, RegistryTimes } from "./time_registries.ts";

const own = "varve";
const mebi = 2 ** 20;

const headings = ["s", "range", "ratio", "MiB/s", "req/s", "CPU s", "ratio", "/GiB", "ms/req"];
const memoryHeadings = ["peak MiB", "ratio", "own MiB", "ratio"];

export function registryLines({ servers, image, phases, growth }: RegistryTimes): string[] {
  const versions = servers.map(({ name, version }) => `${name}: ${version}`).join("; ");
  const rows = Object.entries(phases).flatMap(([name, { by, ...work }]) => [
    [name],
    ...Object.entries(by).map(([server, all]) => [`  ${server}`, ...cellsOf(all, by[own] ?? [], work)]),
  ]);
  return [
    `\nregistry: ${versions}; medians, ratios are to varve; the image: ${image}`,
    `"peak" is all memory of the server, "own" what is not a part of the program's file`,
    columns(squared([["", ...headings, ...memoryHeadings], ...rows])),
    `registry, by number of repositories: ms, and as multiples of varve's`,
    columns(growthRows(growth)),
  ];
}

function cellsOf(all: readonly Measured[], ours: readonly Measured[], work: PhaseWork): string[] {
  const of = (value: (each: Measured) => number, list = all): number => median(list.map(value));
  const most = (value: (each: Measured) => number, list = all): number => Math.max(...list.map(value));
  const against = (value: (each: Measured) => number, fold = of): string =>
    ratio(fold(value), ours.length === 0 ? undefined : fold(value, ours));
  const seconds = of((each) => each.seconds);
  const cpu = of((each) => each.cpuSeconds);
  const { bytes, requests } = work;
  const rate = (value: number | undefined, digits = 0): string =>
    value === undefined ? "-" : value.toFixed(digits);
  return [
    seconds.toFixed(2),
    `${Math.min(...all.map((each) => each.seconds)).toFixed(2)}-${most((each) => each.seconds).toFixed(2)}`,
    against((each) => each.seconds),
    rate(bytes && bytes / mebi / seconds),
    rate(requests && requests / seconds),
    cpu.toFixed(2),
    against((each) => each.cpuSeconds),
    rate(bytes && (cpu * 2 ** 30) / bytes, 2),
    rate(requests && (cpu * 1000) / requests, 2),
    rate(most((each) => each.resident) / mebi),
    against((each) => each.resident, most),
    rate(most((each) => each.anonymous) / mebi),
    against((each) => each.anonymous, most),
  ];
}

function growthRows(growth: RegistryTimes["growth"]): string[][] {
  const [first] = Object.values(growth);
  const servers = Object.keys(first ?? {});
  const rows = Object.entries(growth).flatMap(([size, by]) => {
    const names = Object.keys(by[servers[0] as string]?.[0] ?? {}) as (keyof GrowthTimes)[];
    return names.map((name) => {
      const isMemory = name === "resident" || name === "anonymous";
      const of = (server: string) =>
        median((by[server] ?? []).map((each) => (isMemory ? each[name] / mebi : each[name])));
      const cells = servers.map((server) => {
        const value = of(server).toFixed(isMemory ? 0 : 1);
        return server === own ? value : `${value} (${ratio(of(server), of(own))})`;
      });
      return [`${size}: ${name}${isMemory ? " MiB" : ""}`, ...cells];
    });
  });
  return [["", ...servers], ...rows];
}

/** Lines that are shorter than the first one get empty cells. */
function squared(lines: readonly (readonly string[])[]): string[][] {
  const [first = []] = lines;
  return lines.map((line) => first.map((_, i) => line[i] ?? ""));
}
