import type { Plugin } from 'esbuild';

export declare const webtransportPackage: Plugin;
export declare const nodePrefix: Plugin;
export declare const WEBTRANSPORT_PACKAGE_DEFINES: Readonly<Record<string, string>>;
