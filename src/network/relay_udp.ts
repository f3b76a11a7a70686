/** Packets to an address of the host, passed on to a container; its answers go back to who has asked. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import type { Relay, RelayTarget } from "./port_relays.ts";

/** As long as Docker's proxy remembers who has asked; milliseconds. */
const patience = 90_000;
/** Of those who ask; the one who has been quiet for longest is forgotten. */
const maximumAskers = 1024;

interface Asker {
  readonly inner: Socket;
  readonly timer: NodeJS.Timeout;
}

/** @throws what bind(2) does */
export async function relayUdp(address: string, port: number, target: RelayTarget): Promise<Relay> {
  const askers = new Map<string, Asker>();
  const outer = createSocket({ type: "udp6", ipv6Only: true });
  const forget = (key: string): void => {
    const asker = askers.get(key);
    if (asker === undefined) return;
    askers.delete(key);
    clearTimeout(asker.timer);
    asker.inner.close();
  };
  outer.on("message", (message, from) => {
    const key = `${from.address} ${from.port}`;
    const known = askers.get(key);
    // The one who has asked last is the last of the map.
    askers.delete(key);
    const asker = known ?? {
      inner: innerSocket((answer) => outer.send(answer, from.port, from.address)),
      timer: setTimeout(() => forget(key), patience).unref(),
    };
    asker.timer.refresh();
    askers.set(key, asker);
    if (askers.size > maximumAskers) forget(askers.keys().next().value as string);
    asker.inner.send(message, target.port, target.address);
  });
  outer.bind({ address, port, exclusive: true });
  await once(outer, "listening");
  // What cannot be sent is lost, as packets are.
  outer.on("error", () => undefined).unref();
  return {
    [Symbol.dispose]: () => {
      for (const key of askers.keys()) forget(key);
      outer.close();
    },
  };
}

function innerSocket(onAnswer: (answer: Buffer) => void): Socket {
  return createSocket("udp4")
    .on("message", onAnswer)
    .on("error", () => undefined)
    .unref();
}
