/** Engines' times and memory as tables. */
import { median } from "../measure/statistics.ts";
import { columns, ratio } from "../table.ts";
import type { EngineMemory } from "./engine_memory.ts";
import type { EngineTimes } from "./time_engines.ts";

const own = "varve";
const mebi = 2 ** 20;

export function engineLines(times: EngineTimes): string[] {
  const { engines, containers, milliseconds, cpuMilliseconds, perSecond, memory } = times;
  const names = engines.map(({ name }) => name);
  const row = (title: string, of: (name: string) => number, digits = 0): string[] => [
    title,
    ...names.map((name) => {
      const value = of(name);
      if (Number.isNaN(value)) return "-";
      return name === own ? value.toFixed(digits) : `${value.toFixed(digits)} (${ratio(value, of(own))})`;
    }),
  ];
  const rows = (series: EngineTimes["milliseconds"], unit: string, digits = 0): string[][] =>
    Object.entries(series).map(([action, by]) =>
      row(`${action}: ${unit}`, (name) => median(by[name] ?? []), digits),
    );
  const mib = (when: "idle" | "running", what: keyof EngineMemory) => (name: string) =>
    (memory[name]?.[when][what] ?? NaN) / mebi;
  const lines = [
    ...rows(milliseconds, "ms"),
    ...rows(cpuMilliseconds, "ms of CPU"),
    ...rows(perSecond, "/s", 1),
    row("daemon, idle: MiB PSS", mib("idle", "daemon")),
    row("daemon, idle: MiB RSS", mib("idle", "daemonResident")),
    row(`daemon, ${containers} containers: MiB PSS`, mib("running", "daemon")),
    row(`daemon, ${containers} containers: MiB RSS`, mib("running", "daemonResident")),
    row(`their shims: MiB PSS`, mib("running", "shims")),
  ];
  const versions = engines.map(({ name, version }) => `${name}: ${version}`).join("; ");
  return [
    `\nengine: ${versions}; medians, and as multiples of varve's; start + stop on the bridge`,
    columns([["", ...names], ...lines]),
  ];
}
