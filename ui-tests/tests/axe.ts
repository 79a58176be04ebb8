import AxeBuilder from '@axe-core/playwright';

import { IJupyterLabPageFixture } from '@jupyterlab/galata';

/** Return the accessibility violations in a part of the page, each with the elements that have it. */
export async function violations(
  page: IJupyterLabPageFixture,
  selector: string
): Promise<string[]> {
  const found = await new AxeBuilder({ page })
    .include(selector)
    // The cells belong to JupyterLab.
    .exclude('.jp-Cell')
    .analyze();
  return found.violations.map(
    violation =>
      `${violation.id}: ${violation.nodes.map(node => node.html).join(' ')}`
  );
}
