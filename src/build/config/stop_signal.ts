/** Signals of Linux by name, wherever the build runs (moby, pkg/signal, `ParseSignal`). */
import { Failure } from "../../errors.ts";

const names = new Set(
  (
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP " +
    "TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX"
  ).split(" "),
);

/** `signal`, a name with or without SIG, or any number but 0. Throws `Failure("invalid")` in Docker's words. */
export function stopSignal(signal: string): string {
  const isNumber = /^[+-]?\d+$/.test(signal) && Number(signal) !== 0;
  if (isNumber || isName(signal.toUpperCase().replace(/^SIG/, ""))) return signal;
  throw new Failure("invalid", `Invalid signal: ${signal}`);
}

function isName(name: string): boolean {
  return names.has(name) || /^RTM(?:IN\+(?:[1-9]|1[0-5])|AX-(?:[1-9]|1[0-4]))$/.test(name);
}
