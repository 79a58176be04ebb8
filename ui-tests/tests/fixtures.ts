import { expect, test as base } from '@jupyterlab/galata';

import { Gate } from './notebooks';
import { Screens } from './screens';

type Fixtures = { screens: Screens; gate: Gate };

export const test = base.extend<Fixtures>({
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
