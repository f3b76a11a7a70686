/** Bridges, addresses, published ports and names of containers, through netavark and aardvark-dns. */
export type { Endpoints } from "./endpoints.ts";
export type { Namespaces } from "./namespaces.ts";
export type { Networks } from "./networks.ts";
export { checkDefaults, type NetworkDefaults } from "./network_defaults.ts";
export { type Networking, type NetworkingOptions, openNetworking } from "./open_networking.ts";
export type { ResolverSettings } from "./resolver_settings.ts";
export * from "./types.ts";
