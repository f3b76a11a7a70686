/** `POST /auth` (B177) and `GET /distribution/{name}/json`: what is asked of registries alone. */
import type { Daemon } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { parseReference } from "../../oci/index.ts";
import { readBody, struct, text, type Call, type Route } from "../http/index.ts";
import { credentialsFor, credentialsOf, domainOf } from "../registry_auth.ts";
import { atRegistry } from "./registry_status.ts";

const authConfig = struct("AuthConfig", {
  username: text,
  password: text,
  auth: text,
  email: text,
  serveraddress: text,
  identitytoken: text,
  registrytoken: text,
});

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
  const body = readBody(authConfig, await call.json());
  const server = body.serveraddress;
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
  const given = call.param("name");
  if (given.startsWith("sha256:")) throw new Failure("invalid", `unknown image reference format: ${given}`);
  const name = parseReference(given);
  const { remote } = await engine.withCredentials(credentialsFor(call, name.domain));
  const { descriptor, platforms } = await atRegistry(remote.describe(name, { signal: call.signal }));
  const { mediaType, digest, size } = descriptor;
  call.reply(200, { Descriptor: { mediaType, digest, size }, Platforms: platforms });
}
