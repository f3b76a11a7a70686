import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { StoredNetwork } from "./network_state.ts";
import { PortRelays } from "./port_relays.ts";
import type { Endpoint, Protocol } from "./types.ts";

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === "::1"),
);
const skip = hasIpv6 ? false : "needs ::1";

/** The "container" is at 127.0.0.1. */
function publishing(protocol: Protocol, containerPort: number, hostPort: number) {
  const ports = [{ containerPort, protocol, hostIp: "::1", hostPort }];
  const ipv4 = { address: "127.0.0.1", prefix: 8 };
  const endpoint = { networkId: "n", containerId: "c", ports, ipv4 } as unknown as Endpoint;
  const networks = [{ definition: { id: "n", name: "n" } } as StoredNetwork];
  return { networks, endpoints: [endpoint] };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "::1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test(
  "what comes to an IPv6 address is passed on, each direction until its end; then no more",
  { skip },
  async () => {
    // Answers when it has heard all.
    await using inside = createServer({ allowHalfOpen: true }, (socket) => {
      let asked = "";
      socket.setEncoding("utf8").on("data", (more) => (asked += String(more)));
      socket.on("end", () => socket.end(`heard ${asked}`)).on("error", () => undefined);
    }).listen(0, "127.0.0.1");
    await once(inside, "listening");
    const hostPort = await freePort();
    const records = publishing("tcp", (inside.address() as AddressInfo).port, hostPort);
    using relays = new PortRelays();
    await relays.keep(records);
    await relays.keep(records);
    const asking = connect({ host: "::1", port: hostPort, allowHalfOpen: true }).end("this");
    assert.equal(await text(asking), "heard this");

    const lasting = connect({ host: "::1", port: hostPort });
    const [far] = (await once(inside, "connection")) as [Socket];
    await relays.keep({ networks: [], endpoints: [] });
    await Promise.all([
      once(
        lasting.on("error", () => undefined),
        "close",
      ),
      once(far, "close"),
    ]);
    await assert.rejects(once(connect({ host: "::1", port: hostPort }), "connect"), { code: "ECONNREFUSED" });
  },
);

test(
  "a container that does not listen ends who asks; a port that somebody has is said",
  { skip },
  async () => {
    const [nobody, hostPort] = [await freePort(), await freePort()];
    using relays = new PortRelays();
    await relays.keep(publishing("tcp", nobody, hostPort));
    assert.equal(await text(connect({ host: "::1", port: hostPort })).catch(() => ""), "");
    using others = new PortRelays();
    const [obstacle] = await others.keep(publishing("tcp", nobody, hostPort));
    assert.match(obstacle?.error.message ?? "", /EADDRINUSE/);
  },
);

test("packets, and answers to who has asked", { skip }, async () => {
  await using inside = createSocket("udp4").bind(0, "127.0.0.1");
  await once(inside, "listening");
  inside.on("message", (message, from) => inside.send(`heard ${String(message)}`, from.port, from.address));
  const hostPort = await freePort();
  const relays = new PortRelays();
  await relays.keep(publishing("udp", inside.address().port, hostPort));
  for (const word of ["this", "that"]) {
    const asking = createSocket("udp6");
    asking.send(word, hostPort, "::1");
    const [answer] = (await once(asking, "message")) as [Buffer];
    assert.equal(answer.toString(), `heard ${word}`);
    asking.close();
  }
  relays[Symbol.dispose]();
  await relays.keep(publishing("udp", inside.address().port, hostPort));
  // Nobody has the port any more: the end is final.
  const other = createSocket("udp6").bind(hostPort, "::1");
  await once(other, "listening");
  other.close();
});
