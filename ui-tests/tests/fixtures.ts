import { expect, test as base } from '@jupyterlab/galata';

import { Gate } from './notebooks';
import { Screens } from './screens';

type Fixtures = { screens: Screens; gate: Gate };

const LOADING_MS = 60_000;

export const test = base.extend<Fixtures>({
  // As Galata does it, but a loaded machine may take longer.
  waitForApplication: async ({}, use) => {
    await use(async (page, helpers) => {
      await page
        .locator('#jupyterlab-splash')
        .waitFor({ state: 'detached', timeout: LOADING_MS });
      await helpers.waitForCondition(
        () => helpers.activity.isTabActive('Launcher'),
        LOADING_MS
      );
      if (!(await helpers.isInSimpleMode())) {
        await helpers.activity.activateTab('Launcher');
      }
    });
  },
  screens: async ({ page }, use) => {
    await use(new Screens(page));
  },
  gate: async ({}, use) => {
    const gate = new Gate();
    await use(gate);
    // Nothing waits for it any longer than the test does.
    gate.remove();
  }
});

export { expect };
