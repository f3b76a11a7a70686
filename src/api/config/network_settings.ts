/** What `daemon.json` says of networks. It is checked where networks are opened. */
import type { DaemonSettings } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import type { Directives } from "./directives.ts";

type NetworkDefaults = NonNullable<DaemonSettings["networks"]>;

/** @throws Failure("invalid") for options that are none */
export function networkDefaults(given: Directives): NetworkDefaults {
  const pools = given["default-address-pools"]?.map(({ base, size }) => ({
    base: String(base),
    size: Number(size),
  }));
  return {
    ...set("bridgeAddress", given.bip),
    ...set("addressRange", given["fixed-cidr"]),
    ...set("gateway", given["default-gateway"]),
    ...set("ipv6", given.ipv6),
    ...set("bridgeAddress6", given.bip6),
    ...set("addressRange6", given["fixed-cidr-v6"]),
    ...set("gateway6", given["default-gateway-v6"]),
    ...set("masquerade", given["ip-masq"]),
    ...set("mtu", given.mtu),
    ...set("icc", given.icc),
    ...set("publishAddress", given.ip),
    ...set("hostGateway", given["host-gateway-ip"]),
    ...set("userlandProxy", given["userland-proxy"]),
    ...set("pools", pools),
    ...set("options", networkOptions(given["default-network-opts"])),
  };
}

/** An empty text says nothing. */
function set<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined || value === "" ? {} : ({ [name]: value } as Record<K, V>);
}

/** Of the driver `bridge`, which is the only one here that has some. */
function networkOptions(given: Directives["default-network-opts"]): NetworkDefaults["options"] {
  const options = given?.["bridge"];
  if (options === undefined || options === null) return undefined;
  const isObject = typeof options === "object" && !Array.isArray(options);
  if (isObject && Object.values(options).every((value) => typeof value === "string"))
    return options as Record<string, string>;
  throw new Failure("invalid", "default-network-opts: the options of bridge are no object of strings");
}
