/** The unmodified docker command does a working day against varve's daemon, and the same day against dockerd. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { dockerdSkip } from "../suites/dockerd.ts";
import { unlessBridges } from "../suites/network_fixture.ts";
import { unlessAll } from "../suites/scratch.ts";
import { privateHost, type EngineName } from "./private_host.ts";
import { bundle, runSkip, unless } from "./support.ts";
import { spend, workingDay } from "./working_day.ts";

const skip = runSkip || unlessBridges || unless("docker", "nsenter", "curl", "script");
const registry = "127.0.0.1:5000";

async function dayOf(engine: EngineName, lines: readonly string[]): Promise<string[]> {
  await using host = await privateHost(engine);
  const serving = [process.execPath, bundle, "registry", "serve", "--addr", registry, "--root", "registry"];
  await host.serve(serving, /listening on/);
  return await spend(host, lines, registry);
}

async function compare(lines: readonly string[]): Promise<void> {
  const days = [dayOf("varve", lines), ...(dockerdSkip === false ? [dayOf("dockerd", lines)] : [])];
  const [ours, theirs] = await Promise.all(days);
  assert.ok(ours);
  const of = (start: string): string => ours.find((shown) => shown.startsWith(`$ ${start}`)) ?? "";
  assert.match(of("curl"), /\nhello\nbuilt-day\n= 0$/);
  assert.match(of("docker run --rm --network talk"), /\nby name\nby name\n= 0$/);
  assert.match(of("docker tag base:1"), /\npulled\n= 0$/);
  for (const [index, line] of (theirs ?? []).entries()) assert.equal(ours[index], line);
}

test("B176 B178 B179 B180 B181 B183 a working day", { skip, timeout: 300_000 }, () =>
  compare(workingDay(false)),
);

test("a long working day", { skip: skip || unlessAll, timeout: 600_000 }, () => compare(workingDay(true)));
