import type { Progress } from "../../bytes/index.ts";

/** Whether a line changes no more: words with which a layer ends (Docker's). */
export function isFinal({ status }: Progress): boolean {
  return finalStatus.test(status);
}

const finalStatus =
  /^(Pull complete|Already exists|Download complete|Pushed|Layer already exists|Mounted from |Loaded|Done)/;
