/** Messages about the runtime itself. */
import { flag, integer, many, map, message, one, text } from "../../rpc/index.ts";

export const VersionRequest = message({ version: text(1) });
export const VersionResponse = message({
  version: text(1),
  runtimeName: text(2),
  runtimeVersion: text(3),
  runtimeApiVersion: text(4),
});

export const StatusRequest = message({ verbose: flag(1) });
export const StatusResponse = message({
  status: one(
    1,
    message({
      conditions: many(1, message({ type: text(1), status: flag(2), reason: text(3), message: text(4) })),
    }),
  ),
  info: map(2),
  handlers: many(
    3,
    message({ name: text(1), features: one(2, message({ recursiveReadOnlyMounts: flag(1) })) }),
  ),
  features: one(4, message({ supplementalGroupsPolicy: flag(1) })),
});

/** `CgroupDriver`. */
export const cgroupDrivers = { systemd: 0, cgroupfs: 1 } as const;
export const RuntimeConfigResponse = message({ linux: one(1, message({ cgroupDriver: integer(1) })) });
