/** Times of builds as a table. */
import { median } from "../measure/statistics.ts";
import { columns } from "../table.ts";
import { aims, type BuildTimes } from "./time_builds.ts";

const own: readonly string[] = ["varve", "varve-overlay2"];

/** Of each engine its milliseconds and those as a multiple of varve's; then what the fastest of the others is, and was to be. */
export function buildLines(times: BuildTimes): string[] {
  const [first] = Object.values(times);
  const engines = Object.keys(first ?? {});
  const lines = Object.entries(times).map(([action, byEngine]) => {
    const of = (engine: string): number => median((byEngine[engine] ?? []).map(({ command }) => command));
    const reference = of(own[0] as string);
    const cells = engines.map((engine) =>
      own.includes(engine)
        ? of(engine).toFixed(0)
        : `${of(engine).toFixed(0)} (${(of(engine) / reference).toFixed(1)}x)`,
    );
    const others = engines.filter((engine) => !own.includes(engine)).map(of);
    const fastest = others.length === 0 ? "-" : `${(Math.min(...others) / reference).toFixed(1)}x`;
    return [action, ...cells, fastest, `${aims[action]}x`];
  });
  const syncs = Object.entries(times).map(([action, byEngine]) => {
    const cells = engines.map((engine) =>
      median((byEngine[engine] ?? []).map(({ sync }) => sync)).toFixed(0),
    );
    return [action, ...cells];
  });
  return [
    "\nbuild: whole commands, medians in ms and as multiples of varve's; last the fastest of the others, and the aim",
    columns([["", ...engines, "fastest", "aim"], ...lines]),
    "what a sync took after them, medians in ms",
    columns([["", ...engines], ...syncs]),
  ];
}
