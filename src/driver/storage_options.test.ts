import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStorageOptions } from "./index.ts";

test("storage options are read, the last one counts, unknown ones are named", () => {
  assert.deepEqual(parseStorageOptions([]), {});
  assert.deepEqual(
    parseStorageOptions(["erofs.directio=true", "erofs.drop_pages=true", "erofs.directio=false"]),
    {
      directio: false,
      dropPages: true,
    },
  );
  for (const [option, message] of [
    ["overlay2.size=1G", /unknown storage option "overlay2.size"/],
    ["constructor=true", /unknown storage option "constructor"/],
    ["erofs.directio", /erofs.directio is "", neither true nor false/],
    ["erofs.directio=1", /erofs.directio is "1", neither true nor false/],
    ["", /unknown storage option ""/],
  ] as const)
    assert.throws(() => parseStorageOptions([option]), { kind: "invalid", message });
});
