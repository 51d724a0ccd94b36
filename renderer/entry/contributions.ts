import { createFeatures } from '../contrib/features.ts';
import { contributeSettings } from '../contrib/settings/settings.contribution.ts';
import type { WorkbenchContribution } from '../platform/services.ts';

/** The features of the workbench, in the order in which they start. */
export const contributions: readonly WorkbenchContribution[] = [contributeSettings, createFeatures];
