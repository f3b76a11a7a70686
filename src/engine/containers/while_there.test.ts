/** Looking at containers that somebody takes away meanwhile. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { signal } from "../../../test/support/engine_fixture.ts";
import { cannotLive, liveMachine, type LiveMachine } from "../../../test/support/live_machine.ts";
import { commitContainer } from "./commit.ts";
import { diffContainer } from "./diff.ts";
import { inspectContainer } from "./inspect.ts";
import { mountedRoot, whileNobodyLooks } from "./mounted_root.ts";
import { removing } from "./record_changes.ts";
import { removeContainer } from "./remove.ts";
import { updateRecord } from "./update_record.ts";

suite("containers that are removed meanwhile", { skip: cannotLive }, () => {
  let host: LiveMachine;
  before(async () => void (host = await liveMachine()));
  after(() => host[Symbol.dispose]());

  test("found before, gone by now: there is no such container", async () => {
    const { store } = host.engine;
    const record = await host.create("true");
    const gone = { kind: "not-found", message: `No such container: ${record.ID}` };
    const refuse = async (): Promise<void> => {
      await assert.rejects(diffContainer(store, record, { signal }), gone);
      await assert.rejects(commitContainer(store, record, { signal }), gone);
    };
    // Its layer goes before its record.
    await updateRecord(store, record.ID, removing);
    await store.containers.remove(record.ID);
    await refuse();
    await removeContainer(store, record);
    await refuse();
    await assert.rejects(inspectContainer(store, record), gone);
  });

  test("a record of which something else is wrong says so", async () => {
    const { store } = host.engine;
    const record = await host.create("true");
    await store.containers.remove(record.ID);
    await assert.rejects(diffContainer(store, record, { signal }), { kind: "corrupt" });
    await removeContainer(store, record);
  });

  test("who is about to look into one does not keep it, and nobody begins to look while it goes", async () => {
    const { store } = host.engine;
    const record = await host.create("true");
    const gone = { kind: "not-found", message: `No such container: ${record.ID}` };
    const looking = assert.rejects(mountedRoot(store, record), gone);
    await whileNobodyLooks(store, record.ID, async () => {
      await assert.rejects(mountedRoot(store, record), gone);
      await store.containers.remove(record.ID);
    });
    await looking;
    await removeContainer(store, record);
    assert.deepEqual(host.leftovers(), []);
  });

  test("one that is not removed after all can be looked into again", async () => {
    const { store } = host.engine;
    const record = await host.create("true");
    await assert.rejects(whileNobodyLooks(store, record.ID, () => Promise.reject(new Error("kept"))));
    await (await mountedRoot(store, record))[Symbol.asyncDispose]();
    await removeContainer(store, record);
  });
});
