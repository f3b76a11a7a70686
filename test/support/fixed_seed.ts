/**
 * Imported before the tests of a whole check: all properties are tried on the same values each time, so that what fails,
 * fails by what was changed. A test file that is run by itself, and VARVE_LIVE=all, try others each time.
 */
import { configureGlobal, readConfigureGlobal } from "fast-check";

if (process.env["VARVE_LIVE"] !== "all") configureGlobal({ ...readConfigureGlobal(), seed: 20_261_129 });
