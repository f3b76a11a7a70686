/** All subnets of networks, those that they were given and do not use included. */
import type { StoredNetwork } from "./network_state.ts";
import { parseSubnet, type Subnet } from "./subnet.ts";

export function subnetsOf(networks: readonly StoredNetwork[]): Subnet[] {
  const texts = networks.flatMap(({ definition, pools }) => [
    ...pools.map(({ subnet }) => subnet),
    ...definition.ipam.config.map(({ subnet }) => subnet),
  ]);
  return texts.map(parseSubnet).filter((subnet) => subnet !== undefined);
}
