/** A container whose every word is known, for tests of daemons that are killed. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Daemon } from "../../src/engine/daemon.ts";
import type { StoredImage } from "../../src/store/index.ts";
import { makeContainer, type MadeContainer } from "./engine_fixture.ts";

/** Prints, also a line whose end is long in coming; ends with 7 when it is told to, with 3 when it is asked to. */
const script = `trap 'echo bye; exit 3' TERM; echo one; printf part; echo two >&2
while [ ! -f /go ]; do sleep 0.05; done; echo end; exit 7`;

/** What a run of it prints to its standard output, by its end. */
export const prints = { end: "one\npartend\n", stop: "one\npartbye\n", kill: "one\npart" } as const;

/** Makes one of `base:1`. @returns its ID */
export async function createTalker({ engine }: Daemon, parts: MadeContainer = {}): Promise<string> {
  const image = await engine.images.inspect("base:1");
  const stored = (await engine.store.images.get(image.Id)) as StoredImage;
  const fixture = { engine, root: engine.store.root, [Symbol.dispose]: () => undefined };
  const { ID } = await makeContainer(fixture, stored, {
    ...parts,
    config: { Cmd: ["sh", "-c", script], ...parts.config },
    hostConfig: { NetworkMode: "none", ...parts.hostConfig },
  });
  return ID;
}

/** Waits until its first run has printed all that it prints unasked. */
export async function hasPrinted(root: string, id: string): Promise<void> {
  while (!logOf(root, id).includes("two\\n")) await new Promise(setImmediate);
}

/** What each run has printed, by its log. */
export function runsOf(root: string, id: string): string[] {
  const lines = logOf(root, id)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { readonly log: string; readonly stream: string });
  const of = (stream: string): string =>
    lines.map((line) => (line.stream === stream ? line.log : "")).join("");
  const runs = of("stdout")
    .split(/(?=one\n)/)
    .filter((run) => run !== "");
  assert.equal(of("stderr"), "two\n".repeat(runs.length));
  return runs;
}

function logOf(root: string, id: string): string {
  const path = join(root, "containers", id, `${id}-json.log`);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}
