import shared from '../../playwright.config.ts';

/** `npm run test:hostile`: the same browser, another folder. */
export default { ...shared, testDir: '.', outputDir: '../../test-results/hostile' };
