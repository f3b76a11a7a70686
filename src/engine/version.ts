/** The versions that varve states. */

/** varve's own version, as in package.json. */
export const version = "0.1.0";

/** What `docker_version` of a config made here says; Docker's clients only show it. */
export const dockerVersion = `varve-${version}`;
