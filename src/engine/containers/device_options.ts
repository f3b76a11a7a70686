/** `--device` and `--device-cgroup-rule` of a record. */
import { Failure } from "../../errors.ts";
import type { DeviceMapping, OciDeviceRule } from "../../runtime/index.ts";
import type { HostConfig } from "./record.ts";

export function devicesOf(hostConfig: HostConfig): DeviceMapping[] {
  return (hostConfig.Devices ?? []).map(({ PathOnHost, PathInContainer, CgroupPermissions }) => ({
    hostPath: PathOnHost,
    ...(PathInContainer && { containerPath: PathInContainer }),
    ...(CgroupPermissions && { permissions: CgroupPermissions }),
  }));
}

/** @throws Failure("invalid") in Docker's words (moby, oci/oci.go, `AppendDevicePermissionsFromCgroupRules`) */
export function deviceRulesOf(hostConfig: HostConfig): OciDeviceRule[] {
  return (hostConfig.DeviceCgroupRules ?? []).flatMap((text) => {
    const [, type, major = "", minor = "", access = ""] =
      /^([acb]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$/.exec(text) ?? [];
    if (type === undefined) throw new Failure("invalid", `invalid device cgroup rule format: '${text}'`);
    const numbers = { ...numbered("major", major), ...numbered("minor", minor) };
    // `a` stands for both kinds.
    const types = type === "a" ? (["c", "b"] as const) : ([type as "c" | "b"] as const);
    return types.map((each): OciDeviceRule => ({ allow: true, type: each, ...numbers, access }));
  });
}

function numbered(name: "major" | "minor", text: string): { major?: number; minor?: number } {
  return text === "*" ? {} : { [name]: Number(text) };
}
