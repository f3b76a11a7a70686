import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDevice, parseDeviceRate, parseUlimit, parseWeightDevice } from "./parse_limits.ts";
import { parseRestartPolicy } from "./parse_restart_policy.ts";

const device = (host: string, inside: string, CgroupPermissions: string) => ({
  PathOnHost: host,
  PathInContainer: inside,
  CgroupPermissions,
});
const bytes = parseDeviceRate("bytes");
const operations = parseDeviceRate("operations");

const good: readonly (readonly [(text: string) => unknown, string, unknown])[] = [
  [parseUlimit, "nofile=1024", { Name: "nofile", Soft: 1024, Hard: 1024 }],
  [parseUlimit, "core=0:-1", { Name: "core", Soft: 0, Hard: -1 }],
  [parseDevice, "/dev/fuse", device("/dev/fuse", "/dev/fuse", "rwm")],
  [parseDevice, "/dev/fuse:r", device("/dev/fuse", "/dev/fuse", "r")],
  [parseDevice, "/dev/sda:/dev/xvda:rw", device("/dev/sda", "/dev/xvda", "rw")],
  [parseWeightDevice, "/dev/sda:300", { Path: "/dev/sda", Weight: 300 }],
  [bytes, "/dev/sda:1mb", { Path: "/dev/sda", Rate: 1_048_576 }],
  [operations, "/dev/sda:100", { Path: "/dev/sda", Rate: 100 }],
  [parseRestartPolicy, "no", { Name: "no", MaximumRetryCount: 0 }],
  [parseRestartPolicy, "on-failure:5", { Name: "on-failure", MaximumRetryCount: 5 }],
];
for (const [parse, text, expected] of good) {
  test(`${text} is read`, () => assert.deepEqual(parse(text), expected));
}

const bad: readonly (readonly [(text: string) => unknown, string, string])[] = [
  [parseUlimit, "nofile", "invalid ulimit argument: nofile"],
  [parseUlimit, "files=1", "invalid ulimit type: files"],
  [parseUlimit, "nofile=1:2:3", "too many limit values - 1:2:3, can only have up to two, `soft[:hard]`"],
  [parseUlimit, "nofile=5:3", "ulimit soft limit must be less than or equal to hard limit: 5 > 3"],
  [parseUlimit, "nofile=x", 'strconv.ParseInt: parsing "x": invalid syntax'],
  [parseDevice, "fuse", "fuse is not an absolute path"],
  [parseDevice, "/dev/a:/dev/b:z", "invalid device specification: /dev/a:/dev/b:z"],
  [parseDevice, "/dev/a:b:r:w", "invalid device specification: /dev/a:b:r:w"],
  [parseWeightDevice, "/dev/sda:5", "invalid weight for device: /dev/sda:5"],
  [parseWeightDevice, "/dev/sda", "bad format: /dev/sda"],
  [operations, "sda:1", "bad format for device path: sda:1"],
  [
    operations,
    "/dev/sda:1k",
    "invalid rate for device: /dev/sda:1k. The correct format is <device-path>:<number>. Number must be a positive integer",
  ],
  [parseRestartPolicy, ":1", "invalid restart policy format: no policy provided before colon"],
  [
    parseRestartPolicy,
    "on-failure:x",
    "invalid restart policy format: maximum retry count must be an integer",
  ],
];
for (const [parse, text, message] of bad) {
  test(`${text} is refused`, () => assert.throws(() => parse(text), { kind: "invalid", message }));
}
