/** HEALTHCHECK in a config: how a container is asked whether it is well. */
import { parseDuration, type HealthcheckInstruction } from "../../dockerfile/index.ts";

/** Docker's `Healthcheck`; times in nanoseconds, and none that was not given. */
export function healthcheckConfig(instruction: HealthcheckInstruction): object {
  const { command } = instruction;
  if (command === "none") return { Test: ["NONE"] };
  return {
    Test: command.form === "exec" ? ["CMD", ...command.words] : ["CMD-SHELL", command.text],
    ...time("Interval", instruction.interval),
    ...time("Timeout", instruction.timeout),
    ...time("StartPeriod", instruction.startPeriod),
    ...time("StartInterval", instruction.startInterval),
    ...(instruction.retries === undefined ? {} : { Retries: Number(instruction.retries) }),
  };
}

function time(key: string, text: string | undefined): object {
  return text === undefined ? {} : { [key]: parseDuration(text) };
}
