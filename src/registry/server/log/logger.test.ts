import assert from "node:assert/strict";
import { test } from "node:test";
import { Logger, type LoggerOptions } from "./logger.ts";

function logged(options: Partial<LoggerOptions>, act: (logger: Logger) => void): string {
  let out = "";
  const write = (line: string) => void (out += line);
  const now = () => new Date(0);
  act(new Logger({ format: "text", level: "info", fields: {}, write, now, ...options }));
  return out;
}

test("text is one line an event, whatever the values say", () => {
  const line = logged({ fields: { service: "registry" } }, (logger) =>
    logger.info("answered", {
      path: "/v2/",
      agent: 'x" level=error\nmsg=\u009b2J',
      user: undefined,
      status: 200,
    }),
  );
  assert.equal(
    line,
    'time=1970-01-01T00:00:00.000Z level=info msg=answered service=registry path=/v2/ agent="x\\" level=error\\nmsg=?2J" status=200\n',
  );
});

test("JSON, and logstash's names for it", () => {
  const write = (logger: Logger) => logger.warn("slow", { ms: 5 });
  assert.deepEqual(JSON.parse(logged({ format: "json" }, write)), {
    time: "1970-01-01T00:00:00.000Z",
    level: "warn",
    msg: "slow",
    ms: 5,
  });
  assert.equal(JSON.parse(logged({ format: "logstash" }, write))["@timestamp"], "1970-01-01T00:00:00.000Z");
});

test("what is less severe than the level is left out", () => {
  const lines = logged({ level: "warn" }, (logger) => {
    logger.info("a");
    logger.warn("b");
    logger.error("c");
  });
  assert.deepEqual(lines.match(/msg=\w/g), ["msg=b", "msg=c"]);
});
