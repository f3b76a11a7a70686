/** Networks of containers whose supervisor ends before them. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { signal } from "../../../test/support/engine_fixture.ts";
import { liveMachine } from "../../../test/support/live_machine.ts";
import { cannotConnect, networkedDaemon } from "../../../test/support/networked_daemon.ts";
import { LiveContainers } from "../live/live_containers.ts";
import { updateRecord } from "../containers/update_record.ts";
import { endedSettings } from "./endpoint_settings.ts";
import { networkingOf } from "./networking_of.ts";
import { endpointsOf } from "./wanted_networks.ts";

const forever = "while :; do sleep 1; done";

suite("B180 networks and supervisors that end", { skip: cannotConnect }, () => {
  test("endpoints outlive the supervisor, not the container", async () => {
    await using net = await networkedDaemon();
    using machine = await liveMachine();
    const { networks, events, store } = machine.engine;
    const networking = await networks.running();
    const warn = (text: string): void => assert.fail(text);
    const { endpoints } = await networkingOf(store);
    const mode = { NetworkMode: "bridge" };
    const lives = await machine.create(forever, { hostConfig: mode });
    const ends = await machine.create(forever, { hostConfig: mode });
    {
      await using first = new LiveContainers({ store, events, networking, warn });
      await first.start(lives.ID);
      await first.start(ends.ID);
    }
    const addressOf = (id: string): string | undefined =>
      endpointsOf(machine.record(id))["bridge"]?.IPAddress;
    const connected = (): string[] => endpoints.list().map(({ containerId }) => containerId);
    assert.deepEqual(connected(), [lives.ID, ends.ID]);
    process.kill(machine.record(ends.ID).State.Pid, "SIGKILL");
    await networks.reconcile();
    // What has something of a run is left to whoever settles it.
    assert.deepEqual(connected(), [lives.ID, ends.ID]);
    await using second = new LiveContainers({ store, events, networking, warn });
    // As if the first had been killed before it wrote down where it is connected.
    const NetworkSettings = endedSettings(machine.record(lives.ID).NetworkSettings);
    await updateRecord(store, lives.ID, (now) => ({ ...now, NetworkSettings }));
    await second.restore();
    const [endpoint] = endpoints.list();
    assert.equal(addressOf(lives.ID), endpoint?.ipv4.address);
    await second.wait(ends.ID, "not-running", signal);
    assert.deepEqual(connected(), [lives.ID]);
    assert.equal(addressOf(ends.ID), "");
    const exit = second.wait(lives.ID, "not-running", signal);
    await second.kill(lives.ID);
    await exit;
    assert.deepEqual(connected(), []);
    await second.remove(lives.ID);
    await second.remove(ends.ID);
    assert.equal(net.machine.traces(), "");
  });
});
