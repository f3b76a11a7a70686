/** Filters of events (moby, daemon/events/filter.go). */
import type { EngineEvent } from "../../../engine/index.ts";
import type { Filters } from "../../http/index.ts";

/** Those that go by a thing's ID or name, or the beginning of either. */
const things = [
  "container",
  "daemon",
  "network",
  "plugin",
  "volume",
  "node",
  "service",
  "secret",
  "config",
] as const;

export function isWanted(event: EngineEvent, filters: Filters): boolean {
  const { Type, Action, Actor, scope } = event;
  const fits = (name: string, test: (value: string) => boolean): boolean => filters.admits(name, test);
  return (
    fits("type", (type) => type === Type) &&
    fits("scope", (wanted) => wanted === scope) &&
    isAction(Action, filters, "event") &&
    isAction(Action, filters, "action") &&
    things.every((thing) => fits(thing, (wanted) => isThing(event, wanted))) &&
    fits("image", (wanted) => imageNames(event).includes(wanted)) &&
    filters.admitsLabels(Actor.Attributes)
  );
}

/** `exec_create: sh` is found by `exec_create`. */
function isAction(action: string, filters: Filters, name: string): boolean {
  const begun = ["health_status", "exec_create", "exec_start"];
  const loose = filters.get(name).some((wanted) => begun.includes(wanted));
  return filters.admits(name, (wanted) => action === wanted || (loose && action.startsWith(wanted)));
}

/** A filter for containers shuts out what is none: nothing else has such an ID. */
function isThing({ Actor }: EngineEvent, wanted: string): boolean {
  return Actor.ID.startsWith(wanted) || (Actor.Attributes["name"] ?? "").startsWith(wanted);
}

function imageNames({ Type, Actor }: EngineEvent): string[] {
  const name = Actor.Attributes[Type === "image" ? "name" : "image"] ?? "";
  return [Actor.ID, name, withoutTag(Actor.ID), withoutTag(name)];
}

/** A port's colon stands before a slash. */
const withoutTag = (name: string): string => name.replace(/(@[^/]*|:[^/:]*)$/, "");
