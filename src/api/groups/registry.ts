/** `POST /auth` (B177) and `GET /distribution/{name}/json`: what is asked of registries alone. */
import type { Daemon } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { parseReference } from "../../oci/index.ts";
import type { Call, Route } from "../http/index.ts";
import { credentialsFor, credentialsOf, domainOf } from "../registry_auth.ts";
import { atRegistry } from "./registry_status.ts";

export function registryRoutes(daemon: Daemon): Route[] {
  return [
    { method: "POST", path: "/auth", handle: (call) => login(daemon, call) },
    {
      method: "GET",
      path: "/distribution/:name*/json",
      since: "1.30",
      handle: (call) => describe(daemon, call),
    },
  ];
}

/** Nothing is kept: that is the client's to do. */
async function login({ engine }: Daemon, call: Call): Promise<void> {
  const body = await call.json();
  const server = typeof body["serveraddress"] === "string" ? body["serveraddress"] : "";
  const given = credentialsOf(body);
  const { remote } = await engine.withCredentials(async () => given);
  const none = { kind: "password", username: "", password: "" } as const;
  const proved = await atRegistry(remote.login(domainOf(server), given ?? none, { signal: call.signal }));
  call.reply(200, {
    IdentityToken: proved.kind === "identity" ? proved.token : "",
    Status: "Login Succeeded",
  });
}

async function describe({ engine }: Daemon, call: Call): Promise<void> {
  const text = call.param("name");
  if (text.startsWith("sha256:")) throw new Failure("invalid", `unknown image reference format: ${text}`);
  const name = parseReference(text);
  const { remote } = await engine.withCredentials(credentialsFor(call, name.domain));
  const { descriptor, platforms } = await atRegistry(remote.describe(name, { signal: call.signal }));
  const { mediaType, digest, size } = descriptor;
  call.reply(200, { Descriptor: { mediaType, digest, size }, Platforms: platforms });
}
