/** The version of the extension API this program offers; `engines.conclave` of a manifest is compared with it. */
export const API_VERSION = '0.1.0';
