/** What only users' own networks offer. */
import { Failure } from "../../errors.ts";
import type { EndpointSettings } from "../containers/network_settings.ts";

/** @throws Failure("invalid") for names and addresses in `bridge`, `host` or `none` (moby 20.10, `updateNetworkConfig`) */
export function checkPredefined({ Aliases, IPAMConfig }: Partial<EndpointSettings>): void {
  if (IPAMConfig?.IPv4Address || IPAMConfig?.IPv6Address)
    throw new Failure("invalid", "user specified IP address is supported on user defined networks only");
  if ((Aliases ?? []).length > 0)
    throw new Failure(
      "invalid",
      "network-scoped alias is supported only for containers in user defined networks",
    );
}
