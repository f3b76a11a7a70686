import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { scratch, unlessLinux } from "../../test/suites/scratch.ts";
import { isFailure } from "../errors.ts";
import { NetworkState, type StoredNetwork } from "./network_state.ts";
import { planEndpoint } from "./plan_endpoint.ts";
import { ensurePredefined } from "./predefined.ts";
import type { ConnectRequest } from "./types.ts";

const skip = unlessLinux;

function stateIn(path: string): NetworkState {
  return new NetworkState({ directory: join(path, "root"), lock: join(path, "lock") });
}

async function take(
  state: NetworkState,
  more: Partial<ConnectRequest> & { containerId: string },
): Promise<string> {
  await using records = await state.lock();
  const [bridge] = records.networks;
  const request = { network: "bridge", containerName: "c", namespace: "/nowhere", ...more };
  const endpoint = await planEndpoint(bridge as StoredNetwork, request, {
    endpoints: records.endpoints,
    relays: false,
  });
  records.endpoints.push(endpoint);
  await records.save();
  return endpoint.ipv4.address;
}

test("ten at once have ten addresses, whoever opens the root", { skip }, async () => {
  using directory = scratch("network-state");
  const first = stateIn(directory.path);
  await ensurePredefined(first);
  const states = [first, stateIn(directory.path)];
  const turns = Array.from({ length: 10 }, (_, i) =>
    take(states[i % 2] as NetworkState, { containerId: String(i).repeat(64) }),
  );
  const addresses = await Promise.all(turns);
  assert.equal(new Set(addresses).size, 10);
  const again = stateIn(directory.path);
  assert.deepEqual(
    again
      .read()
      .endpoints.map(({ ipv4 }) => ipv4.address)
      .toSorted(),
    addresses.toSorted(),
  );
  assert.deepEqual(
    again.read().networks.map(({ definition }) => [definition.name, definition.driver]),
    [
      ["bridge", "bridge"],
      ["host", "host"],
      ["none", "null"],
    ],
  );
});

test(
  "what was not saved is not there; endpoints of another boot are not, definitions are",
  { skip },
  async () => {
    using directory = scratch("network-state");
    const state = stateIn(directory.path);
    await ensurePredefined(state);
    const { id } = state.read().networks[0]?.definition ?? { id: "" };
    {
      await using records = await state.lock();
      records.networks.pop();
    }
    assert.equal(state.read().networks.length, 3);
    await take(state, { containerId: "a".repeat(64) });
    const path = join(directory.path, "root/endpoints.json");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace(/"boot":"[^"]*"/, '"boot":"earlier"'));
    assert.deepEqual(state.read().endpoints, []);
    writeFileSync(path, text.slice(0, 40));
    assert.deepEqual(state.read().endpoints, []);
    await ensurePredefined(state);
    assert.equal(state.read().networks[0]?.definition.id, id);
  },
);

test("definitions that cannot be read are said to be corrupt, not made anew", { skip }, async () => {
  using directory = scratch("network-state");
  const state = stateIn(directory.path);
  await ensurePredefined(state);
  writeFileSync(join(directory.path, "root/networks.json"), "{");
  await assert.rejects(ensurePredefined(state), (error) => isFailure(error, "corrupt"));
});

const hostile: readonly [string, Partial<ConnectRequest>, string | RegExp][] = [
  ["a line in a name", { containerName: "a\nb" }, /cannot be a name/],
  ["a list as a name", { containerName: "a,b" }, /cannot be a name/],
  ["a MAC of words", { macAddress: "02:42:00:00:00:00 x" }, /invalid MAC address/],
  ["a resolver of words", { dns: ["1.1.1.1,evil"] }, /is not an IP address/],
  ["an alias", { aliases: ["w"] }, "network-scoped aliases are only supported for user-defined networks"],
  [
    "an address",
    { ipv4Address: "172.17.0.9" },
    "user specified IP address is supported on user defined networks only",
  ],
];

for (const [what, more, message] of hostile)
  test(`refused on the default network: ${what}`, { skip }, async () => {
    using directory = scratch("network-state");
    const state = stateIn(directory.path);
    await ensurePredefined(state);
    await assert.rejects(take(state, { containerId: "a".repeat(64), ...more }), { kind: "invalid", message });
    assert.deepEqual(state.read().endpoints, []);
  });
