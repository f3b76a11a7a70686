export { Arrivals } from "./arrivals.ts";
export { introductionOf, unlessAbsent, type Session } from "./session.ts";
export { sessionCall } from "./session_call.ts";
export { Sessions } from "./sessions.ts";
export { Uploads } from "./uploads.ts";
