import { fileURLToPath } from 'node:url';
import { reportAndExit } from '../services/report-and-exit.ts';
import { runWebHost } from './run-web-host.ts';

// This file becomes dist/main/serve.js.
const dist = fileURLToPath(new URL('..', import.meta.url));
runWebHost(process.argv.slice(2), dist).catch(reportAndExit);
