/** The user's own credentials, as a daemon is given them for one call (Engine API, `X-Registry-Auth`). */
import { credentialKey, defaultDockerConfigPath, DockerConfig } from "../remote/index.ts";

/** A keychain may ask the user to unlock it. Milliseconds. */
const helperPatience = 5 * 60_000;

/** The header's value: JSON in base64url. Undefined: the user has none for the registry. */
export async function registryAuth(domain: string): Promise<string | undefined> {
  const config = new DockerConfig(defaultDockerConfigPath(process.env), process.env);
  const found = await config.find(domain, AbortSignal.timeout(helperPatience));
  if (found === undefined) return undefined;
  const serveraddress = credentialKey(domain);
  switch (found.kind) {
    case "password":
      return encoded({ username: found.username, password: found.password, serveraddress });
    case "identity":
      return encoded({ username: found.username ?? "", identitytoken: found.token, serveraddress });
    case "registry":
      return encoded({ registrytoken: found.token, serveraddress });
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
