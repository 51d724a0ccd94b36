import { showStartupFailure, startWorkbench } from './start-workbench.ts';

startWorkbench().catch(showStartupFailure);
