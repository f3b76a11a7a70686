/** Log drivers and their options: what is refused, in the words of Docker 20.10. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLogOptions, rotationOf, type LogOptions } from "./log_options.ts";

const init = "failed to initialize logging driver: ";

const refused: readonly [string, LogOptions, string][] = [
  ["nosuch", {}, "logger: no log driver named 'nosuch' is registered"],
  ["json-file", { x: "1" }, "unknown log opt 'x' for json-file log driver"],
  ["local", { labels: "1" }, "unknown log opt 'labels' for log driver local"],
  ["json-file", { mode: "zz" }, "logger: logging mode not supported: zz"],
  [
    "json-file",
    { "max-buffer-size": "1m" },
    "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
  ],
  [
    "local",
    { mode: "non-blocking", "max-buffer-size": "zz" },
    "error parsing option max-buffer-size: invalid size: 'zz'",
  ],
  ["json-file", { "max-size": "0" }, `${init}max-size must be a positive number`],
  ["json-file", { "max-size": "abc" }, `${init}invalid size: 'abc'`],
  ["json-file", { "max-size": "1k", "max-file": "0" }, `${init}max-file cannot be less than 1`],
  ["json-file", { "max-file": "abc" }, `${init}strconv.Atoi: parsing "abc": invalid syntax`],
  [
    "json-file",
    { compress: "true" },
    `${init}compress cannot be true when max-file is less than 2 or max-size is not set`,
  ],
  ["json-file", { compress: "zz" }, `${init}strconv.ParseBool: parsing "zz": invalid syntax`],
  ["local", { "max-size": "-1" }, `${init}invalid value for max-size: -1: invalid size: '-1'`],
  ["local", { "max-file": "1" }, `${init}compression cannot be enabled when max file count is 1`],
  [
    "local",
    { compress: "zz" },
    `${init}error reading compress log option: strconv.ParseBool: parsing "zz": invalid syntax`,
  ],
];

for (const [driver, options, message] of refused) {
  test(`B178 the log driver ${driver} refuses ${JSON.stringify(options)}`, () => {
    assert.throws(
      () => {
        const known = checkLogOptions(driver, options);
        if (known === "json-file" || known === "local") rotationOf(known, options);
      },
      { kind: "invalid", message },
    );
  });
}

test("B178 sizes are decimal, and each driver has its defaults", () => {
  assert.equal(checkLogOptions("none", { whatever: "1" }), "none");
  assert.deepEqual(rotationOf("json-file", {}), { maxSize: undefined, maxFiles: 1, compress: false });
  const options = { "max-size": "1.5m", "max-file": "3", compress: "T" };
  assert.deepEqual(rotationOf("json-file", options), { maxSize: 1_500_000, maxFiles: 3, compress: true });
  assert.deepEqual(rotationOf("local", {}), { maxSize: 20_971_520, maxFiles: 5, compress: true });
});
