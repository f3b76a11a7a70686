/** `Signal` of the CRI: names in the order of their numbers there, which is not the kernel's. */

const named = [
  "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS",
  "TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN",
].flatMap((line) => line.split(" "));

const realTime = [
  ...Array.from({ length: 15 }, (_, index) => `RTMIN+${index + 1}`),
  ...Array.from({ length: 14 }, (_, index) => `RTMAX-${14 - index}`),
  "RTMAX",
];

const all = [...named, ...realTime].map((name) => `SIG${name}`);

/** Undefined: the image's, or the usual one. */
export function stopSignal(number: number): string | undefined {
  return all[number - 1];
}
