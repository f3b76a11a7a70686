/** `POST /containers/create` (B178). */
import type { CreateContainer, Daemon } from "../../../../engine/index.ts";
import { withDaemonDefaults } from "../../../config/index.ts";
import { ApiError, readBody, type Call, type ReadOf } from "../../../http/index.ts";
import { configFields } from "./config_shape.ts";
import { createShape } from "./create_shape.ts";
import { checkPlatform } from "./platform.ts";

type Body = ReadOf<typeof createShape>;

export async function create(daemon: Daemon, call: Call): Promise<void> {
  const given = await call.json();
  const { HostConfig, NetworkingConfig, ...config } = readBody(createShape, given);
  if (isEmpty(given)) throw new ApiError(400, "Config cannot be empty in order to create a container");
  const image = await daemon.engine.images.resolve(config.Image);
  checkPlatform(call.query.get("platform") ?? "", config.Image, image.config);
  const name = call.query.get("name") ?? "";
  const warnings: string[] = [];
  const { security } = daemon.settings;
  const record = await daemon.engine.containers.create({
    imageName: config.Image,
    image,
    ...(name !== "" && { name }),
    config: config as CreateContainer["config"],
    hostConfig: withDaemonDefaults(adapted(call, HostConfig), daemon.settings),
    ...(security && { security }),
    // What older clients mount read-only is so without what is mounted below it.
    flatReadOnly: !call.isAtLeast("1.44"),
    endpoints: endpointsOf(call, config, NetworkingConfig?.EndpointsConfig ?? {}),
    warn: (warning) => warnings.push(warning),
  });
  call.reply(201, { Id: record.ID, Warnings: warnings });
}

/** Without any field that a config has there is none. */
function isEmpty(given: Readonly<Record<string, unknown>>): boolean {
  const known = new Set(Object.keys(configFields).map((name) => name.toLowerCase()));
  return !Object.keys(given).some((key) => known.has(key.toLowerCase()));
}

/** What older clients mean by what they leave out (moby, api/server/router/container: `postContainersCreate`). */
function adapted(call: Call, given: Body["HostConfig"]): CreateContainer["hostConfig"] {
  const hostConfig = given ?? readBody(createShape, { HostConfig: {} }).HostConfig;
  if (hostConfig === null) return {};
  if (!call.isAtLeast("1.48") && hostConfig.Mounts?.some(({ Type }) => Type === "image") === true)
    throw new ApiError(400, 'Mount type "Image" needs API v1.48 or newer');
  return {
    ...(hostConfig as Partial<CreateContainer["hostConfig"]>),
    ...(!call.isAtLeast("1.40") && { IpcMode: hostConfig.IpcMode || "shareable" }),
    ...(!call.isAtLeast("1.41") && { CgroupnsMode: hostConfig.CgroupnsMode || "host" }),
    // Both mean what nothing means.
    ...(hostConfig.PidsLimit !== null && hostConfig.PidsLimit <= 0 && { PidsLimit: null }),
    ...(hostConfig.MemorySwappiness === -1 && { MemorySwappiness: null }),
  };
}

type Endpoints = NonNullable<NonNullable<Body["NetworkingConfig"]>["EndpointsConfig"]>;

/** @throws ApiError for several networks of a client that does not know of them; they came with 1.44 */
function endpointsOf(
  call: Call,
  config: { readonly MacAddress?: string },
  endpoints: Endpoints,
): NonNullable<CreateContainer["endpoints"]> {
  const names = Object.keys(endpoints);
  if (names.length > 1 && !call.isAtLeast("1.44")) {
    throw new ApiError(400, `Container cannot be connected to network endpoints: ${names.join(", ")}`);
  }
  const { MacAddress = "" } = config;
  const [only] = names;
  const endpoint = only === undefined ? undefined : endpoints[only];
  if (MacAddress === "" || only === undefined || !endpoint || endpoint.MacAddress !== "") return endpoints;
  return { ...endpoints, [only]: { ...endpoint, MacAddress } };
}
