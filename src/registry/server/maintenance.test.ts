import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStorage } from "../storage/memory.ts";
import { readConfig } from "./config/read_config.ts";
import { Logger } from "./log/logger.ts";
import { Maintenance, purgeUploads } from "./maintenance.ts";
import { serverMetrics } from "./metrics/server_metrics.ts";

const root = "docker/registry/v2/repositories/a/b";

async function storageWithUploads() {
  const storage = memoryStorage();
  for (const [id, started] of [
    ["00000000-0000-0000-0000-000000000001", "2026-01-01T00:00:00Z"],
    ["00000000-0000-0000-0000-000000000002", "2026-01-08T12:00:00Z"],
  ] as const) {
    await storage.write(`${root}/_uploads/${id}/startedat`, Buffer.from(started));
  }
  await storage.write(
    `${root}/_layers/sha256/${"a".repeat(64)}/link`,
    Buffer.from(`sha256:${"a".repeat(64)}`),
  );
  return storage;
}

for (const { dryrun, left } of [
  { dryrun: false, left: 1 },
  { dryrun: true, left: 2 },
]) {
  test(`uploads are purged a week after their begin${dryrun ? ", and only told of in a dry run" : ""}`, async () => {
    const storage = await storageWithUploads();
    const config = await readConfig({
      environment: {
        REGISTRY_STORAGE: "inmemory",
        REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_DRYRUN: String(dryrun),
      },
    });
    const lines: string[] = [];
    const logger = new Logger({
      format: "text",
      level: "info",
      fields: {},
      write: (line) => void lines.push(line),
    });
    await purgeUploads(
      { config, storage, logger },
      Date.parse("2026-01-09T00:00:00Z"),
      new AbortController().signal,
    );
    const names = [];
    for await (const { name } of storage.list(`${root}/_uploads`)) names.push(name);
    assert.equal(names.length, left);
    assert.equal(lines.length, 1);
    assert.match(lines[0] as string, /repository=a\/b upload=00000000-0000-0000-0000-000000000001/);
  });
}

test("garbage is collected by the clock, counted and told", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const storage = memoryStorage();
  const orphan = `docker/registry/v2/blobs/sha256/aa/${"a".repeat(64)}/data`;
  await storage.write(orphan, Buffer.from("x"));
  const config = await readConfig({
    environment: { REGISTRY_STORAGE: "inmemory", REGISTRY_GC_INTERVAL: "1h" },
  });
  const lines: string[] = [];
  const done = Promise.withResolvers<void>();
  const write = (line: string) => {
    lines.push(line);
    done.resolve();
  };
  const logger = new Logger({ format: "text", level: "info", fields: {}, write });
  const metrics = serverMetrics();
  {
    await using _ = new Maintenance({ config, storage, logger, metrics });
    assert.match(metrics.text(), /^# TYPE registry_gc_runs_total counter\n#/m, "not at once");
    t.mock.timers.tick(3_600_000);
    await done.promise;
  }
  assert.match(lines[0] as string, /condemned: blob sha256:aaaa/);
  assert.match(metrics.text(), /^registry_gc_decisions_total\{action="condemned",subject="blob"\} 1$/m);
});
