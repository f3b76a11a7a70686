/** How soon containers start, and how fast they read what lies in the image. */
import { inTurn } from "./compare.ts";
import { ContainerEngine, type ContainerEngineOptions } from "./container_engine.ts";
import { someFiles, someFilesCount } from "./images/runnable.ts";
import type { Peer } from "./peers/types.ts";

/** Milliseconds by action and engine, of each time. */
export type ContainerTimes = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

export interface ContainerOptions extends ContainerEngineOptions {
  /** Those that run no containers are left out. */
  readonly peers: readonly Peer[];
  readonly rounds: number;
}

const reads: Readonly<Record<string, string>> = {
  "find / -xdev": "find / -xdev",
  "tar c /bin /usr": "tar cf - /bin /usr | wc -c",
  [`${someFilesCount} small files`]: `xargs cat < ${someFiles}`,
};

/** Of each warm action, in each round. */
const repeats = 3;

/** All engines have the image; each step is done by one after the other, then all again. */
export async function timeContainers(options: ContainerOptions): Promise<ContainerTimes> {
  const { peers, rounds } = options;
  await using all = new AsyncDisposableStack();
  const engines: ContainerEngine[] = [];
  for (const peer of peers) {
    const engine = all.use(await ContainerEngine.start(peer, options));
    if (engine !== undefined) engines.push(engine);
  }
  const times: Record<string, Record<string, number[]>> = {};
  for (let round = 0; round < rounds; round++) {
    for (const step of steps) {
      for (const engine of inTurn(engines, round)) {
        for await (const [action, seconds] of step(engine))
          ((times[action] ??= {})[engine.name] ??= []).push(seconds * 1000);
      }
    }
    // The next round starts without containers again.
    for (const engine of engines) await engine.closeShell();
  }
  return times;
}

/** Actions and the seconds that they took. */
type Step = (engine: ContainerEngine) => AsyncGenerator<readonly [string, number]>;

/** What one engine does before it is the next one's turn: a warm action comes after its own cold one. */
const steps: readonly Step[] = [
  async function* (engine) {
    yield ["start, cold", await engine.start({ cold: true })];
    for (let i = 0; i < repeats; i++) yield ["start, warm", await engine.start()];
  },
  ...Object.entries(reads).map(
    ([name, line]): Step =>
      async function* (engine) {
        yield [`${name}, cold`, await engine.read(line, { cold: true })];
        for (let i = 0; i < repeats; i++) yield [`${name}, warm`, await engine.read(line)];
      },
  ),
  // Shells are open now: the image's mount is in use.
  async function* (engine) {
    for (let i = 0; i < repeats; i++) yield ["start beside another, warm", await engine.start()];
  },
];
