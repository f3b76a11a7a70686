/** `varve container prune`. */
import type { ContainerRecord } from "../../engine/index.ts";
import { Failure } from "../../errors.ts";
import { command, result } from "../app.ts";
import { humanSize } from "../kit/index.ts";

export const containerPrune = command({
  path: ["container", "prune"],
  section: "Containers",
  daemon: "same",
  usage: "[OPTIONS]",
  summary: "Remove all stopped containers",
  examples: [{ text: "Those made more than a day ago", command: "varve container prune --filter until=24h" }],
  flags: {
    filter: {
      kind: "list",
      type: "filter",
      help: "Only containers that match: until=TIMESTAMP, label=KEY[=VALUE], label!=KEY[=VALUE]",
    },
    force: { kind: "boolean", short: "f", help: "Accepted for Docker's sake: varve does not ask" },
  },
  args: { min: 0, max: 0 },
  async run({ app, flags, signal }) {
    const tests = await Promise.all(flags.filter.map(testOf));
    const { containers } = await app.engine();
    const pruned = await containers.prune({
      only: (record) => tests.every((test) => test(record)),
      remove: (id) => containers.remove(id),
      signal,
    });
    const { removed, spaceReclaimed } = pruned;
    result(app, pruned, [
      ...(removed.length > 0 ? ["Deleted Containers:", ...removed, ""] : []),
      `Total reclaimed space: ${humanSize(spaceReclaimed, 4)}`,
    ]);
  },
});

type Test = (record: ContainerRecord) => boolean;

async function testOf(filter: string): Promise<Test> {
  const [, key, value = ""] = /^(until|label!?)=(.*)$/s.exec(filter) ?? [];
  if (key === undefined) throw new Failure("invalid", `invalid filter '${filter}'`);
  if (key === "until") {
    const { timestamp } = await import("../containers/timestamp.ts");
    const until = Number(timestamp(value, Date.now())) * 1000;
    return ({ Created }) => Date.parse(Created) < until;
  }
  const [label = "", wanted] = value.split("=", 2);
  const has: Test = ({ Config: { Labels } }) =>
    wanted === undefined ? Object.hasOwn(Labels ?? {}, label) : Labels?.[label] === wanted;
  return key === "label" ? has : (record) => !has(record);
}
