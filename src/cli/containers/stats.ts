import { list, type App } from "../app.ts";
import { daemonOf } from "../daemon_client.ts";
import { FramePainter, interruptedCode, renderList, type ListLayout } from "../kit/index.ts";
import { statsRow } from "./stats_row.ts";
import { listed, named, StatsSource } from "./stats_source.ts";

export interface StatsFlagValues {
  readonly all: boolean;
  readonly format: string | undefined;
  readonly "no-stream": boolean;
  readonly "no-trunc": boolean;
}

const layout: ListLayout = {
  headers: {
    ID: "CONTAINER ID",
    CPUPerc: "CPU %",
    MemUsage: "MEM USAGE / LIMIT",
    MemPerc: "MEM %",
    NetIO: "NET I/O",
    BlockIO: "BLOCK I/O",
    PIDs: "PIDS",
  },
  table: "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}",
};

/** Milliseconds between two tables where they are not repainted. */
const interval = 1000;

/** Returns 0, or 130 after Ctrl-C, which ends the stream. */
export async function showStats(
  app: App,
  names: readonly string[],
  flags: StatsFlagValues,
  signal: AbortSignal,
): Promise<number> {
  const client = await daemonOf(app);
  const { format } = flags;
  const ended = new AbortController();
  const whole = AbortSignal.any([signal, ended.signal]);
  let changed = (): void => undefined;
  const source = new StatsSource(client, () => changed(), whole);
  const rows = () => source.rows.map((row) => statsRow(row, row.stats, flags["no-trunc"]));
  // A template that cannot be is told before anything is asked.
  renderList([], layout, { format });
  if (flags["no-stream"]) {
    await source.once(
      names.length > 0 ? await named(client, names, signal) : await listed(client, flags.all, signal),
    );
    list(app, rows(), layout, { format });
    return 0;
  }
  const containers = names.length > 0 ? await named(client, names, signal) : undefined;
  using output = shownOn(app, () => renderList(rows(), layout, { format, json: app.json }));
  changed = output.change;
  try {
    await (containers === undefined ? source.followAll(flags.all) : source.follow(containers));
  } catch (error) {
    if (signal.aborted) return interruptedCode;
    throw error;
  } finally {
    ended.abort();
  }
  return 0;
}

interface Shown extends Disposable {
  readonly change: () => void;
}

/** Repainted in place where a person looks, else one text after the other. */
function shownOn(app: App, text: () => string): Shown {
  if (app.stdout.isTTY && !app.json) {
    const painter = new FramePainter(app.stdout, () => frame(text(), painter.room), {});
    painter.change();
    return {
      change: () => painter.change(),
      [Symbol.dispose]: () => painter.finish(frame(text(), painter.room)),
    };
  }
  const timer = setInterval(() => app.stdout.write(text()), interval);
  return { change: () => undefined, [Symbol.dispose]: () => clearInterval(timer) };
}

/** Lines that fit on the screen, and a word about the others. */
function frame(text: string, room: number): string[] {
  const lines = text.trimEnd().split("\n");
  if (lines.length <= room) return lines;
  return [...lines.slice(0, room - 1), `and ${lines.length - room + 1} more`];
}
