/** What runs in worker threads, and how. */

/** The source runs beside it as plain JavaScript under the name that the file has there. */
export function workerUrl(): URL {
  const here = import.meta.url;
  return new URL(here.endsWith(".ts") ? "./unpack_worker.ts" : "./unpack_worker.js", here);
}

/** MB. Three workers at V8's default take 20 MB more and are no faster (measured on 45,000 entries). */
const maxYoungGenerationSizeMb = 8;

export const workerOptions = { resourceLimits: { maxYoungGenerationSizeMb } };
