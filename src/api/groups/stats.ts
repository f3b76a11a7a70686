/** What containers run and use, and what they may use (Engine API, Container; behaviour B178). */
import type { Daemon } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { integer, pointer, readBody, struct, text, type Call, type Route } from "../http/index.ts";

const int64 = integer("int64");

const updateShape = struct("container.UpdateConfig", {
  BlkioWeight: integer("uint16"),
  CpuPeriod: int64,
  CpuQuota: int64,
  CpuRealtimePeriod: int64,
  CpuRealtimeRuntime: int64,
  CpuShares: int64,
  CpusetCpus: text,
  CpusetMems: text,
  Memory: int64,
  MemoryReservation: int64,
  MemorySwap: int64,
  NanoCpus: int64,
  PidsLimit: pointer(int64),
  RestartPolicy: struct("container.RestartPolicy", { Name: text, MaximumRetryCount: integer("int") }),
});

export function statsRoutes(daemon: Daemon): Route[] {
  return [
    { method: "GET", path: "/containers/:id*/top", handle: (call) => top(daemon, call) },
    { method: "GET", path: "/containers/:id*/stats", handle: (call) => stats(daemon, call) },
    { method: "POST", path: "/containers/:id*/update", handle: (call) => update(daemon, call) },
  ];
}

async function top(daemon: Daemon, call: Call): Promise<void> {
  const psArgs = call.query.get("ps_args") ?? "";
  call.reply(200, await daemon.live.top(call.param("id"), psArgs === "" ? "-ef" : psArgs));
}

async function stats(daemon: Daemon, call: Call): Promise<void> {
  const isStream = call.flag("stream", true);
  const isFirst = call.isAtLeast("1.41") && call.flag("one-shot");
  const mode = isStream ? "stream" : isFirst ? "first" : "once";
  const id = call.param("id");
  const samples = await daemon.engine.containers.stats(id, { mode, signal: call.signal });
  if (!isStream) {
    for await (const sample of samples) return call.reply(200, sample);
    throw new Failure("not-found", `No such container: ${id}`);
  }
  const out = call.stream("application/json");
  for await (const sample of samples) {
    if (out.destroyed) return;
    // Whoever does not read misses some.
    if (!out.writableNeedDrain) out.write(`${JSON.stringify(sample)}\n`);
  }
  out.end();
}

async function update(daemon: Daemon, call: Call): Promise<void> {
  const asked = readBody(updateShape, await call.json());
  const warnings = await daemon.live.update(call.param("id"), asked);
  call.reply(200, { Warnings: warnings.length > 0 ? warnings : null });
}
