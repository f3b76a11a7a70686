/** A network as the Engine API shows it. */
import type { Endpoint, EndpointAddress, NetworkDefinition } from "../../network/index.ts";
import type { NetworkContainer, NetworkResource } from "../../wire/index.ts";

export function networkResource(
  definition: NetworkDefinition,
  containers: Readonly<Record<string, NetworkContainer>>,
): NetworkResource {
  const { ipam, driver } = definition;
  return {
    Name: definition.name,
    Id: definition.id,
    Created: definition.created,
    Scope: definition.scope,
    Driver: driver,
    EnableIPv4: true,
    EnableIPv6: definition.enableIPv6,
    IPAM: {
      Driver: ipam.driver,
      Options: ipam.options,
      Config: ipam.config.map(({ subnet, ipRange, gateway, auxAddresses = {} }) => ({
        Subnet: subnet,
        ...(ipRange !== undefined && { IPRange: ipRange }),
        ...(gateway !== undefined && { Gateway: gateway }),
        ...(Object.keys(auxAddresses).length > 0 && { AuxiliaryAddresses: auxAddresses }),
      })),
    },
    Internal: definition.internal,
    Attachable: definition.attachable,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: containers,
    Options: definition.options,
    Labels: definition.labels,
  };
}

export function networkContainer(endpoint: Endpoint): NetworkContainer {
  const { containerName, id, macAddress, ipv4, ipv6 } = endpoint;
  return {
    Name: containerName,
    EndpointID: id,
    MacAddress: macAddress,
    IPv4Address: withPrefix(ipv4),
    IPv6Address: withPrefix(ipv6),
  };
}

function withPrefix(place: EndpointAddress | undefined): string {
  return place === undefined ? "" : `${place.address}/${place.prefix}`;
}
