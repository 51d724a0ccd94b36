/** The contract between the workbench and the session worker; it belongs to `core/session`, which fulfils it. */
export type * from '../session/session-contract.ts';
