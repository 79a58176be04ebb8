import AxeBuilder from '@axe-core/playwright';
import { IJupyterLabPageFixture } from '@jupyterlab/galata';

import { expect, test } from './fixtures';
import { execute, notebook } from './notebooks';

test.use({ timezoneId: 'Europe/Paris' });

/** Add a schedule through the API, and return its id. */
async function addSchedule(
  page: IJupyterLabPageFixture,
  request: object
): Promise<string> {
  return page.evaluate(async body => {
    const cookie = /_xsrf=([^;]+)/.exec(document.cookie)?.[1] ?? '';
    const answer = await fetch('/dataops/api/v1/schedules', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-XSRFToken': cookie },
      body: JSON.stringify(body)
    });
    const found = await answer.json();
    if (!answer.ok) {
      throw new Error(JSON.stringify(found));
    }
    return found.id;
  }, request);
}

async function expectAccessible(
  page: IJupyterLabPageFixture,
  selector: string
): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .include(selector)
    .analyze();
  expect(
    violations.map(({ id, nodes }) => `${id}: ${nodes.map(n => n.html)}`)
  ).toEqual([]);
}

/** Take pictures for people to look at, where PICTURES names a folder. */
async function picture(
  page: IJupyterLabPageFixture,
  name: string
): Promise<void> {
  const folder = process.env.PICTURES;
  if (!folder) {
    return;
  }
  await page.screenshot({ path: `${folder}/${name}-light.png` });
  await page.theme.setDarkTheme();
  await page.screenshot({ path: `${folder}/${name}-dark.png` });
  await page.theme.setLightTheme();
}

test('starts of the past are made up for, and the calendar shows them with what failed', async ({
  page,
  screens,
  tmpPath
}) => {
  const path = `${tmpPath}/hourly.ipynb`;
  await page.contents.uploadContent(
    notebook(
      { parameters: 'region = "north"\nday = ""' },
      'assert region == "north" or not day, "no data for this day"'
    ),
    'text',
    path
  );
  const id = await addSchedule(page, {
    path,
    name: 'hourly',
    rule: { kind: 'cron', expression: '0 * * * *' },
    timezone: 'Europe/Paris',
    dates: { day: 'today' },
    presets: [
      { name: 'north', parameters: { region: 'north' } },
      { name: 'south', parameters: { region: 'south' } }
    ]
  });
  await execute(page, 'dataops:open-schedule', { id });
  await page.getByRole('button', { name: 'Backfill…' }).click();

  const form = page.getByRole('form', { name: 'Backfill' });
  const grid = page.getByRole('region', { name: 'Starts of the span' });
  await expect(form).toContainText(/\d+ of \d+ starts? would run/);
  await form.getByLabel('From').fill('2020-01-01T00:00');
  await expect(form.getByRole('alert')).toContainText('1,000 are allowed');
  await expect(
    form.getByRole('button', { name: 'Nothing to run' })
  ).toBeDisabled();

  const hour = 3_600_000;
  const local = (at: number) =>
    new Date(at).toLocaleString('sv', { timeZone: 'Europe/Paris' });
  const now = Date.now();
  // A minute later than three hours ago, so that no full hour lies at either end.
  await form.getByLabel('From').fill(
    local(now - 3 * hour + 60_000)
      .replace(' ', 'T')
      .slice(0, 16)
  );
  await expect(form).toContainText('6 of 6 starts would run.');
  await expect(grid.getByRole('row')).toHaveCount(4);
  await expect(grid.locator('td[data-runs]')).toHaveCount(6);
  await form.getByLabel('At once').fill('3');
  await picture(page, 'backfill');
  await expectAccessible(page, '[id^=dataops-backfill-]');
  await form.getByRole('button', { name: 'Run 6 starts' }).click();

  const row = page.locator('[data-backfill]').first();
  await expect(row).toContainText('3 of 6 done, 3 failed', { timeout: 90_000 });
  await expect(grid.locator('td[data-state=done]')).toHaveCount(3);
  await row.getByRole('button', { name: 'Again only the failed' }).click();
  await expect(page.locator('[data-backfill]')).toHaveCount(2);
  await expect(page.locator('[data-backfill]').first()).toContainText(
    '0 of 3 done, 3 failed',
    { timeout: 90_000 }
  );
  await picture(page, 'backfill-done');

  await execute(page, 'dataops:open-calendar');
  const calendar = page.locator('#dataops-calendar:visible');
  await expect(calendar).toContainText('Times of Europe/Paris');
  await expect(calendar).toContainText(/of which \d+ need attention/);
  await picture(page, 'calendar');
  await expectAccessible(page, '#dataops-calendar');
  await calendar.getByRole('button', { name: 'Week', exact: true }).click();
  await picture(page, 'calendar-week');
  await calendar
    .getByLabel('Filter the calendar by state')
    .selectOption('failed');
  await calendar
    .getByRole('listitem')
    .filter({ hasText: 'Failed' })
    .getByRole('button')
    .first()
    .click();
  await expect(
    screens.record
      .or(page.getByRole('region', { name: 'Decision log' }))
      .first()
  ).toBeVisible();
});

test('the calendar goes from day to day with the keys, and says when clocks are set', async ({
  page,
  tmpPath
}) => {
  const path = `${tmpPath}/daily.ipynb`;
  await page.contents.uploadContent(notebook('1'), 'text', path);
  await addSchedule(page, {
    path,
    name: 'daily',
    rule: { kind: 'cron', expression: '30 2 * * *' },
    timezone: 'Europe/Paris'
  });
  await execute(page, 'dataops:open-calendar');
  const calendar = page.locator('#dataops-calendar:visible');
  const days = calendar.getByRole('table', { name: 'Days of the month' });
  const chosen = days.locator('td:has(> [aria-pressed=true])');
  const before = await chosen.getAttribute('data-day');
  await chosen.getByRole('button').first().focus();
  await page.keyboard.press('ArrowRight');
  await expect(chosen).not.toHaveAttribute('data-day', before!);
  await page.keyboard.press('ArrowLeft');
  await expect(chosen).toHaveAttribute('data-day', before!);
  await page.keyboard.press('PageDown');
  await expect(chosen).not.toHaveAttribute('data-day', before!);

  // Go to the last Sunday of the next March, on which the clocks are set forward.
  const today = new Date(before!);
  const year = today.getFullYear() + (today.getMonth() >= 2 ? 1 : 0);
  const months = (year - today.getFullYear()) * 12 + 2 - today.getMonth() - 1;
  for (let month = 0; month < months; month++) {
    await page.keyboard.press('PageDown');
  }
  const sunday = new Date(Date.UTC(year, 2, 31));
  sunday.setUTCDate(31 - sunday.getUTCDay());
  const key = sunday.toISOString().slice(0, 10);
  const cell = days.locator(`td[data-day="${key}"]`);
  await cell.getByRole('button').first().click();
  const agenda = calendar.locator(`section[data-day="${key}"]`);
  await expect(agenda).toContainText('The clocks are set forward on this day.');
  await expect(agenda).toContainText('03:00 GMT+2');
  await expect(days.locator('tbody td')).toHaveCount(35);
  await agenda.getByRole('button', { name: 'daily' }).click();
  await expect(
    page.locator('.dl-SchedulePage:visible').getByRole('heading', { level: 1 })
  ).toHaveText('daily');
});

test('schedules of jupyter-scheduler are previewed, imported, and changed over', async ({
  page
}) => {
  await execute(page, 'dataops:open-schedules');
  await page.getByRole('button', { name: 'Import…' }).click();
  const screen = page.locator('#dataops-schedule-import:visible');
  await expect(screen.locator('tr[data-fate=new]')).toHaveCount(3);
  await expect(screen.locator('tr[data-fate=impossible]')).toContainText(
    'is code: `datetime.now()`'
  );
  await picture(page, 'import');
  await expectAccessible(page, '#dataops-schedule-import');
  await screen.getByRole('checkbox', { name: 'Import nightly' }).uncheck();
  await screen.getByRole('button', { name: 'Import 2 schedules' }).click();
  await expect(screen).toContainText('2 are paused, because jupyter-scheduler');
  await screen
    .getByRole('checkbox', {
      name: 'Pause the old ones, and start the new ones'
    })
    .check();
  await screen.getByRole('button', { name: 'Import 2 schedules' }).click();
  await expect(screen.locator('tr[data-fate=imported]')).toHaveCount(2);
  await expect(
    screen.getByRole('button', { name: 'sales, active' })
  ).toBeVisible();
  await picture(page, 'import-done');
  await screen.getByRole('button', { name: 'sales, active' }).click();
  await expect(page.locator('.dl-SchedulePage:visible')).toContainText(
    'region = north'
  );
});
