import AxeBuilder from '@axe-core/playwright';

import { expect, test } from './fixtures';
import { notebook, openForm } from './notebooks';

test('form, record, list and sidebar have no accessibility violations', async ({
  page,
  screens,
  tmpPath
}) => {
  const violations = async (selector: string) => {
    const found = await new AxeBuilder({ page })
      .include(selector)
      // The cells are JupyterLab's own.
      .exclude('.jp-Cell')
      .analyze();
    return found.violations.map(
      it => `${it.id}: ${it.nodes.map(node => node.html).join(' ')}`
    );
  };
  const content = notebook(
    {
      parameters: [
        'from typing import Literal, Optional',
        'region: Literal["North", "South"] = "North"  # where',
        'top: int = 3',
        'share: Optional[float] = None',
        'names: list[str] = ["a"]',
        'full: bool = True'
      ].join('\n')
    },
    '1 / 0'
  );
  await openForm(page, `${tmpPath}/accessible.ipynb`, content);
  await expect(screens.run).toBeEnabled();
  expect(await violations('.dl-RunForm')).toEqual([]);
  await screens.run.click();
  await expect(screens.recordThatIs('failed')).toBeVisible();
  expect(await violations('.dl-Record')).toEqual([]);
  for (const tab of ['Log', 'Parameters', 'Artifacts']) {
    await screens.tab(tab).click();
    expect(await violations('.dl-Record')).toEqual([]);
  }
  await screens.openSidebar();
  await expect(screens.sidebar).toContainText('accessible');
  expect(await violations('.dl-Sidebar')).toEqual([]);
  await screens.openList();
  await expect(screens.list).toContainText('accessible');
  expect(await violations('.dl-RunsList')).toEqual([]);
});
