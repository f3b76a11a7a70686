/** What `varve network` works on: the networks of the daemon, where one serves the root, or those of the root itself. */
import type { Engine } from "../engine/index.ts";
import type { NetworkResource } from "../wire/index.ts";
import type { App } from "./app.ts";
import { daemonIfAny } from "./daemon_client.ts";
import type { EngineClient } from "./engine_client/index.ts";
import { pathOf } from "./engine_client/path_of.ts";

type Networks = Engine["networks"];
type Parameter<Name extends "create" | "connect"> = Parameters<Networks[Name]>;

export interface NetworkVerbs {
  list(filters: ListFilters): Promise<NetworkResource[]>;
  inspect(term: string): Promise<NetworkResource>;
  /** Returns the id. */
  create(request: Parameter<"create">[0]): Promise<string>;
  remove(term: string): Promise<void>;
  connect(term: string, container: string, settings: Parameter<"connect">[2]): Promise<void>;
  disconnect(term: string, container: string, options: { readonly force: boolean }): Promise<void>;
  prune(filters: PruneFilters): Promise<string[]>;
}

/** Names are the API's. */
export type ListFilters = Partial<
  Record<"driver" | "id" | "label" | "name" | "scope" | "type" | "dangling", string[]>
>;
export type PruneFilters = Partial<Record<"label" | "label!", string[]>>;

export async function networkVerbs(app: App): Promise<NetworkVerbs> {
  const client = await daemonIfAny(app);
  return client === undefined ? here((await app.engine()).networks) : there(client);
}

function here(networks: Networks): NetworkVerbs {
  return {
    list: ({
      driver = [],
      id = [],
      label = [],
      name = [],
      scope = [],
      type = [],
      dangling: [dangling] = [],
    }) =>
      networks.list({
        drivers: driver,
        ids: id,
        labels: label,
        names: name,
        scopes: scope,
        types: type,
        ...(dangling !== undefined && { dangling: ["true", "1"].includes(dangling) }),
      }),
    inspect: (term) => networks.inspect(term),
    create: async (request) => (await networks.create(request)).id,
    remove: async (term) => void (await networks.remove(term)),
    connect: (term, container, settings) => networks.connect(term, container, settings),
    disconnect: (term, container, options) => networks.disconnect(term, container, options),
    prune: ({ label = [], "label!": withoutLabels = [] }) => networks.prune({ labels: label, withoutLabels }),
  };
}

function there(client: EngineClient): NetworkVerbs {
  return {
    list: (filters) => client.json("GET", "/networks", { query: { filters: JSON.stringify(filters) } }),
    inspect: (term) => client.json("GET", pathOf`/networks/${term}`),
    create: async (request) =>
      (await client.json<{ Id: string }>("POST", "/networks/create", { body: bodyOf(request) })).Id,
    remove: (term) => client.json("DELETE", pathOf`/networks/${term}`),
    connect: (term, Container, EndpointConfig = {}) =>
      client.json("POST", pathOf`/networks/${term}/connect`, { body: { Container, EndpointConfig } }),
    disconnect: (term, Container, { force }) =>
      client.json("POST", pathOf`/networks/${term}/disconnect`, { body: { Container, Force: force } }),
    prune: async (filters) => {
      const query = { filters: JSON.stringify(filters) };
      const answer = await client.json<{ NetworksDeleted: string[] | null }>("POST", "/networks/prune", {
        query,
      });
      return answer.NetworksDeleted ?? [];
    },
  };
}

function bodyOf({
  name,
  driver,
  internal,
  attachable,
  enableIPv6,
  options,
  labels,
  ipam,
}: Parameter<"create">[0]) {
  return {
    Name: name,
    Driver: driver,
    CheckDuplicate: true,
    Internal: internal,
    Attachable: attachable,
    EnableIPv6: enableIPv6,
    Options: options,
    Labels: labels,
    IPAM: {
      Driver: ipam?.driver,
      Options: ipam?.options,
      Config: ipam?.config?.map(({ subnet, ipRange, gateway, auxAddresses }) => ({
        Subnet: subnet,
        IPRange: ipRange,
        Gateway: gateway,
        AuxiliaryAddresses: auxAddresses,
      })),
    },
  };
}
