import { IJupyterLabPageFixture } from '@jupyterlab/galata';
import { Locator } from '@playwright/test';

import { execute } from './notebooks';

/** What the extension shows, by the names that people and screen readers know it by. */
export class Screens {
  constructor(private readonly _page: IJupyterLabPageFixture) {}

  get runAsJob(): Locator {
    return this._page
      .locator('.jp-NotebookPanel:visible')
      .getByRole('button', { name: 'Run as job' });
  }

  get form(): Locator {
    return this._page.locator('.dl-RunForm:visible');
  }

  get run(): Locator {
    return this.form.getByRole('button', { name: 'Run', exact: true });
  }

  get record(): Locator {
    return this._page.locator('.dl-Record:visible');
  }

  /** The record in one of the phases a run can be in. */
  recordThatIs(phase: string): Locator {
    return this._page.locator(`.dl-Record[data-phase=${phase}]:visible`);
  }

  tab(name: string): Locator {
    return this.record.getByRole('tab', { name });
  }

  action(name: string): Locator {
    return this.record
      .locator('.dl-RecordHeader-actions')
      .getByRole('button', { name, exact: true });
  }

  get runningCell(): Locator {
    return this.record.locator('.jp-Cell[data-run-state=running]');
  }

  get failedCell(): Locator {
    return this.record.locator('.jp-Cell[data-run-state=failed]');
  }

  get sidebar(): Locator {
    return this._page.locator('#dataops-runs-sidebar');
  }

  get list(): Locator {
    return this._page.locator('#dataops-runs');
  }

  /** Press the button of the form; ends when Lab has noted the record in its layout. */
  async start(): Promise<void> {
    const noted = this._page.waitForRequest(
      it =>
        it.url().includes('/api/workspaces') &&
        (it.postData() ?? '').includes('dataops-runs:')
    );
    await this.run.click();
    await this.record.waitFor();
    await noted;
  }

  /** Load the page anew, as the reload button of the browser does. */
  async reload(): Promise<void> {
    const loaded = this._page.waitForEvent('load');
    await this._page.evaluate(() => setTimeout(() => location.reload()));
    await loaded;
    await this.record.waitFor();
  }

  async openSidebar(): Promise<void> {
    await this._page.sidebar.openTab('dataops-runs-sidebar');
  }

  async openList(): Promise<void> {
    await execute(this._page, 'dataops:open-runs');
    await this.list.waitFor();
  }
}
