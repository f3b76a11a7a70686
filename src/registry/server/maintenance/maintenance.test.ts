import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { putImage } from "../../../../test/support/registry_tree.ts";
import { Failure } from "../../../errors.ts";
import { listTags } from "../../manifest_store.ts";
import { memoryStorage } from "../../storage/memory.ts";
import { readConfig } from "../config/read_config.ts";
import { Logger } from "../log/logger.ts";
import type { StorageDriver } from "../../storage/types.ts";
import { claimSlot, releaseSlot, slotAt } from "./schedule.ts";
import { Maintenance } from "./maintenance.ts";
import { purgeUploads } from "./works.ts";
import { serverMetrics } from "../metrics/server_metrics.ts";

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

const hour = 3_600_000;
const orphan = `docker/registry/v2/blobs/sha256/aa/${"a".repeat(64)}/data`;

/** An instance with its log; `when` resolves at a line with the text. */
async function instance(storage: StorageDriver, keys: Record<string, unknown>) {
  const config = await readConfig({ environment: {}, overrides: { storage: "inmemory", ...keys } });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const write = (line: string) => {
    lines.push(line);
    for (const look of waiting) look();
  };
  const logger = new Logger({ format: "text", level: "info", fields: {}, write });
  const metrics = serverMetrics();
  const when = (text: string) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => lines.some((line) => line.includes(text)) && resolve();
    waiting.add(look);
    look();
    return promise;
  };
  return { maintenance: new Maintenance({ config, storage, logger, metrics }), lines, metrics, when };
}

/** All that the timers of a minute have set off. */
async function minute(t: TestContext, ...instances: { readonly maintenance: Maintenance }[]): Promise<void> {
  t.mock.timers.tick(60_000);
  await Promise.all(instances.map(({ maintenance }) => maintenance.settled()));
}

test("garbage is collected by the clock by one of two instances, counted and told; nothing at once", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.parse("2026-01-09T00:10:00Z") });
  const storage = memoryStorage();
  await storage.write(orphan, Buffer.from("some"));
  const keys = { gc: { interval: "1h", grace: "1h", trash: "1h" } };
  const instances = [await instance(storage, keys), await instance(storage, keys)];
  await using running = new AsyncDisposableStack();
  for (const { maintenance } of instances) running.use(maintenance);
  const runs = () =>
    instances.flatMap(({ lines }) => lines.filter((line) => line.includes("maintenance done")));
  await minute(t, ...instances);
  assert.deepEqual(runs(), [], "the slot in which they began is over");
  for (let hours = 1; hours <= 4; hours++) {
    t.mock.timers.setTime(Date.parse("2026-01-09T00:12:00Z") + hours * hour);
    await minute(t, ...instances);
    assert.equal(runs().length, hours);
  }
  const told = instances.flatMap(({ lines }) => lines).join("");
  for (const action of ["condemned", "deleted", "purged"])
    assert.match(told, new RegExp(`${action}: blob sha256:aaaa`));
  assert.match(
    told,
    /msg="maintenance done" work=garbage-collection summary=".* eligible for deletion" freed_bytes=4 /,
  );
  const texts = instances.map(({ metrics }) => metrics.text()).join("");
  assert.match(texts, /^registry_gc_decisions_total\{action="condemned",subject="blob"\} 1$/m);
  assert.match(texts, /^registry_gc_freed_bytes_total 4$/m);
  assert.match(
    texts,
    /^registry_maintenance_last_run_timestamp_seconds\{work="garbage-collection"\} 17\d{8}$/m,
  );
});

test("retention goes before: what it would delete is told in a dry run, and deleted without", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.parse("2026-01-09T00:10:00Z") });
  const storage = memoryStorage();
  for (const tag of ["v1", "v2"]) await putImage(storage, "a/b", tag, { label: tag, layers: [] });
  const rules = [{ repositories: ["a/*"], keep: { last: 1 } }];
  for (const [dryrun, tags] of [
    [true, ["v1", "v2"]],
    [false, ["v2"]],
  ] as const) {
    const one = await instance(storage, {
      gc: { interval: "1h" },
      retention: { grace: "1h", dryrun, rules },
    });
    await using _ = one.maintenance;
    for (let hours = 0; hours < 4; hours++) {
      await minute(t, one);
      t.mock.timers.setTime(Date.now() + hour);
    }
    assert.deepEqual(await listTags(storage, "a/b"), tags);
    assert.match(
      one.lines.join(""),
      dryrun ? /msg="retention would" .*tag a\/b@sha256/ : /msg=retention .*deleted: tag a\/b/,
    );
  }
});

test("a check at a time of day, with what it found in log and metrics; one that was broken off is taken up again", async (t) => {
  const midnight = Date.parse("2026-01-09T00:00:00Z");
  t.mock.timers.enable({ apis: ["setInterval", "Date"], now: midnight });
  const storage = memoryStorage();
  await storage.write(orphan, Buffer.from("not what its digest says"));
  const keys = { fsck: { interval: "24h", at: "03:30", repair: true } };
  const one = await instance(storage, keys);
  await using _ = one.maintenance;
  await minute(t, one);
  t.mock.timers.setTime(midnight + 3 * hour);
  await minute(t, one);
  assert.equal(one.lines.length, 0);
  t.mock.timers.setTime(midnight + 3.5 * hour);
  await minute(t, one);
  assert.match(one.lines.join(""), /msg="maintenance done" work=fsck found=0 healed=0 set_aside=1 /);
  assert.match(one.metrics.text(), /^registry_fsck_findings\{outcome="set aside"\} 1$/m);
  // The next day somebody takes the slot, and is stopped.
  assert.equal(
    await claimSlot(storage, "fsck", slotAt(midnight + 28 * hour, { interval: 24 * hour, at: 3.5 * hour })),
    true,
  );
  await releaseSlot(storage, "fsck", slotAt(midnight + 28 * hour, { interval: 24 * hour, at: 3.5 * hour }));
  t.mock.timers.setTime(midnight + 28 * hour);
  await minute(t, one);
  assert.equal(one.lines.filter((line) => line.includes(`done" work=fsck`)).length, 2);
});

const boundTo = (target: object, value: unknown): unknown =>
  typeof value === "function" ? (value.bind(target) as unknown) : value;

/** The same storage; `before` is called before each listing. */
function watched(plain: StorageDriver, before: (path: string) => void): StorageDriver {
  const list = (path: string) => {
    before(path);
    return plain.list(path);
  };
  return new Proxy(plain, {
    get: (target, key) => (key === "list" ? list : boundTo(target, Reflect.get(target, key))),
  });
}

test("work that a stop breaks off is done by the next instance, in the same slot", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.parse("2026-01-09T00:10:00Z") });
  const plain = memoryStorage();
  await putImage(plain, "a/b", "v1", { layers: [] });
  let stopping: Promise<void> | undefined;
  const storage = watched(plain, (path) => {
    if (path === "docker/registry/v2/repositories") stopping ??= first.maintenance[Symbol.asyncDispose]();
  });
  const keys = { gc: { interval: "1h" } };
  const first = await instance(storage, keys);
  await minute(t, first);
  t.mock.timers.setTime(Date.now() + hour);
  await minute(t, first);
  await stopping;
  assert.match(first.lines.join(""), /msg="maintenance stopped" work=garbage-collection/);
  const second = await instance(storage, keys);
  await using _ = second.maintenance;
  await minute(t, second);
  assert.match(second.lines.join(""), /msg="maintenance done" work=garbage-collection/);
});

test("a failure of the storage is told, and the work is done in the next slot", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval", "Date"], now: Date.parse("2026-01-09T00:10:00Z") });
  const plain = memoryStorage();
  let broken = false;
  const storage = watched(plain, (path) => {
    if (broken && path.startsWith("docker")) throw new Failure("unavailable", "the storage is away");
  });
  const one = await instance(storage, { gc: { interval: "1h" } });
  await using _ = one.maintenance;
  await minute(t, one);
  for (broken of [true, false]) {
    t.mock.timers.setTime(Date.now() + hour);
    await minute(t, one);
  }
  assert.match(
    one.lines.join(""),
    /msg="maintenance failed" work=garbage-collection error=.*the storage is away/,
  );
  assert.match(
    one.metrics.text(),
    /registry_maintenance_runs_total\{work="garbage-collection",result="failed"\} 1/,
  );
  assert.match(
    one.metrics.text(),
    /registry_maintenance_runs_total\{work="garbage-collection",result="done"\} 1/,
  );
});
