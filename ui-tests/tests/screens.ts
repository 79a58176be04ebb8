import { IJupyterLabPageFixture } from '@jupyterlab/galata';
import { Locator } from '@playwright/test';

import { execute } from './notebooks';

/** The screens of the extension, found by the names that people and screen readers use. */
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

  get outputsField(): Locator {
    return this.form.getByLabel('Files that the run must leave');
  }

  get publish(): Locator {
    return this.form.getByLabel('Publish them when the run succeeds');
  }

  get record(): Locator {
    return this._page.locator('.dl-Record:visible');
  }

  /** Locate the record when its run is in this phase. */
  recordInPhase(phase: string): Locator {
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

  /** Locate a declared output in the record by its path. */
  output(path: string): Locator {
    return this.record
      .getByRole('region', { name: 'Outputs', exact: true })
      .getByRole('row')
      .filter({ hasText: path });
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

  /** The shown page of the administration. */
  get administration(): Locator {
    return this._page.locator('.dl-Administration:visible');
  }

  async openAdministration(
    page: 'environments' | 'images' | 'targets' | 'retention' | 'audit'
  ) {
    await execute(this._page, 'dataops:administration', { page });
    await this.administration.locator(`[data-page=${page}]`).waitFor();
  }

  /** Add an environment that runs notebooks in images; its page is shown afterwards. */
  async addEnvironment(name: string): Promise<void> {
    await this.openAdministration('environments');
    const { administration } = this;
    await administration
      .getByRole('button', { name: 'Add environment' })
      .click();
    const form = administration.getByRole('form', { name: 'Settings' });
    await form.getByLabel('Name', { exact: true }).fill(name);
    await form.getByLabel('CPUs').fill('1');
    await form.getByLabel('Memory, GB').fill('1');
    await form.getByRole('button', { name: 'Add environment' }).click();
    await administration.getByRole('heading', { name, level: 1 }).waitFor();
  }

  /** Add an image to the catalogue, and wait until the server has inspected it. */
  async addImage(
    name: string,
    reference: string,
    environment?: string
  ): Promise<void> {
    await this.openAdministration('images');
    const { administration } = this;
    await administration
      .getByRole('button', { name: 'Add by reference…' })
      .click();
    const form = administration.getByRole('form', { name: 'Add an image' });
    await form.getByLabel('Name').fill(name);
    await form.getByLabel('Reference').fill(reference);
    if (environment) {
      await form.getByLabel('Allow it in').selectOption(environment);
    }
    await form.getByRole('button', { name: 'Add the image' }).click();
    await administration
      .getByRole('row', { name: new RegExp(`^${name}\\b`) })
      .waitFor({ timeout: 60_000 });
  }

  /** Press the button of the form, and wait until Lab has saved the record in its layout. */
  async start(): Promise<void> {
    const saved = this._page.waitForRequest(
      request =>
        request.url().includes('/api/workspaces') &&
        (request.postData() ?? '').includes('dataops-runs:')
    );
    await this.run.click();
    await this.record.waitFor();
    await saved;
  }

  /** Load the page again, as the reload button of the browser does. */
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
