import { expect, test as base } from '@jupyterlab/galata';

import { Gate } from './notebooks';
import { Screens } from './screens';

type Fixtures = { screens: Screens; gate: Gate };

const LOADING_MS = 60_000;

export const test = base.extend<Fixtures>({
  // Galata does the same, but with less time for a loaded machine.
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
    // Notebooks stop waiting for the gate when the test ends.
    gate.remove();
  }
});

export { expect };
