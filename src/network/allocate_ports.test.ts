import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { allocatePorts } from "./allocate_ports.ts";
import type { PortBinding, PortRequest } from "./types.ts";

function allocate(requests: PortRequest[], taken: PortBinding[] = []): Promise<PortBinding[]> {
  return allocatePorts({ requests, taken, hostBinding: "127.0.0.1", ipv6: { kernel: false, relays: false } });
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("any port, each time another one; the same number for another protocol", async () => {
  const request = { containerPort: 80, protocol: "tcp" } as const;
  const ports = (await allocate([request, request, request])).map(({ hostPort }) => hostPort);
  assert.equal(new Set(ports).size, 3);
  const [first = 0] = ports;
  const taken = [{ ...request, hostIp: "0.0.0.0", hostPort: first }];
  const udp = await allocate([{ containerPort: 80, protocol: "udp", hostPort: first }], taken);
  assert.deepEqual(udp, [{ containerPort: 80, protocol: "udp", hostIp: "127.0.0.1", hostPort: first }]);
});

test("who has no choice comes first", async () => {
  const request = { containerPort: 80, protocol: "tcp" } as const;
  const [{ hostPort: next } = { hostPort: 0 }] = await allocate([request]);
  const ports = await allocate([request, { ...request, containerPort: 81, hostPort: next }]);
  assert.equal(ports.find(({ containerPort }) => containerPort === 81)?.hostPort, next);
});

test("an endpoint's port, on the same address or on all", async () => {
  const hostPort = await freePort();
  for (const hostIp of ["127.0.0.1", "0.0.0.0"]) {
    const taken: PortBinding[] = [{ containerPort: 1, protocol: "tcp", hostIp, hostPort }];
    await assert.rejects(allocate([{ containerPort: 80, protocol: "tcp", hostPort }], taken), {
      kind: "conflict",
      message: `Bind for 127.0.0.1:${hostPort} failed: port is already allocated`,
    });
    await assert.rejects(
      allocate(
        [{ containerPort: 80, protocol: "tcp", hostPort: { first: hostPort, last: hostPort } }],
        taken,
      ),
      { kind: "conflict", message: "all ports are allocated" },
    );
  }
});

test("a program's port, over UDP as well", async () => {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  try {
    const hostPort = socket.address().port;
    await assert.rejects(allocate([{ containerPort: 53, protocol: "udp", hostPort }]), {
      kind: "conflict",
      message: `Error starting userland proxy: listen udp4 127.0.0.1:${hostPort}: bind: address already in use`,
    });
  } finally {
    socket.close();
  }
});

test("IPv6 needs a network with IPv6, or somebody who passes on; both families have one port", async () => {
  const request = { containerPort: 80, protocol: "tcp", hostIp: "::1" } as const;
  const message = "port 80 cannot be published on ::1 without a daemon";
  await assert.rejects(allocate([request]), { kind: "unsupported", message });
  const kernel = { taken: [], ipv6: { kernel: true, relays: false } };
  await assert.rejects(allocatePorts({ ...kernel, requests: [request] }), { kind: "unsupported", message });
  const relays = { taken: [], ipv6: { kernel: false, relays: true } };
  const anywhere = { containerPort: 80, protocol: "tcp" } as const;
  for (const given of [kernel, relays]) {
    const [one, two] = await allocatePorts({ ...given, requests: [anywhere] });
    assert.deepEqual([one?.hostIp, two?.hostIp, two?.hostPort], ["0.0.0.0", "::", one?.hostPort]);
  }
  const sctp = await allocatePorts({ ...relays, requests: [{ ...anywhere, protocol: "sctp" }] });
  assert.deepEqual(
    sctp.map(({ hostIp }) => hostIp),
    ["0.0.0.0"],
  );
});

test("what is no port, protocol or address reaches no command line", async () => {
  const good = { containerPort: 80, protocol: "sctp" } as const;
  const bad: readonly [object, string][] = [
    [{ hostIp: "1.2.3.4 -j ACCEPT" }, "Invalid ip address: 1.2.3.4 -j ACCEPT"],
    [{ hostIp: "localhost" }, "Invalid ip address: localhost"],
    [{ protocol: "tcp -j ACCEPT" }, "Invalid proto: tcp -j ACCEPT"],
    [{ containerPort: 0 }, "Invalid containerPort: 0"],
    [{ containerPort: 65_536 }, "Invalid containerPort: 65536"],
    [{ hostPort: 1.5 }, "Invalid hostPort: 1.5"],
    [{ hostPort: { first: 1, last: 70_000 } }, "Invalid hostPort: 70000"],
  ];
  for (const [change, message] of bad)
    await assert.rejects(allocate([{ ...good, ...change }]), { kind: "invalid", message });
});
