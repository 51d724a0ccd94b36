/** The contracts of the media worker; they belong to `core/media`, since `core/session` uses one of them. */
export type * from '../media/media-contract.ts';
