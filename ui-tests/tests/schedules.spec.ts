import { createHmac } from 'crypto';

import type { Page } from '@playwright/test';

import { expect, test } from './fixtures';
import { execute, notebook, openForm } from './notebooks';

const formOf = (page: Page) => page.getByRole('form', { name: 'Schedule' });
const pageOf = (page: Page) => page.locator('.dl-SchedulePage:visible');
const listOf = (page: Page) => page.locator('#dataops-schedules:visible');

test('a notebook is scheduled from its form, run now, paused and resumed, and the log tells it', async ({
  page,
  screens,
  tmpPath
}) => {
  await openForm(
    page,
    `${tmpPath}/turnover.ipynb`,
    notebook({ parameters: 'region: str = "North"' }, 'print(region)')
  );
  await screens.form.getByLabel('region', { exact: true }).fill('West');
  await screens.form.getByRole('button', { name: 'Schedule…' }).click();

  const form = formOf(page);
  await expect(form.getByLabel('How often')).toHaveValue('day');
  await expect(form.getByLabel('At', { exact: true })).toHaveValue('08:00');
  await expect(form.getByLabel('region', { exact: true })).toHaveValue('West');
  const next = form.getByRole('list', { name: 'Next starts' });
  await expect(next.getByRole('listitem')).toHaveCount(5);
  await expect(next.getByRole('listitem').first()).toContainText(
    /08:00 [+-]\d\d:\d\d/
  );
  await expect(form).toContainText('At 08:00, every day');
  await form.getByRole('button', { name: 'Schedule', exact: true }).click();

  const schedule = pageOf(page);
  await expect(schedule.getByRole('heading', { level: 1 })).toHaveText(
    'turnover'
  );
  await expect(schedule.locator('.dl-State').first()).toHaveText('Active');
  await expect(schedule).toContainText('region = West');
  await expect(schedule).toContainText('Nothing has started yet.');

  await schedule.getByRole('button', { name: 'Run now' }).click();
  await expect(screens.recordInPhase('succeeded')).toContainText('West');

  await execute(page, 'dataops:open-schedules');
  const row = listOf(page).locator('[data-schedule=turnover]');
  await expect(row).toContainText('At 08:00, ');
  await expect(row).toContainText('Succeeded');
  await row.getByRole('button', { name: 'Pause turnover' }).click();
  await expect(row).toContainText('Paused');
  await row.getByRole('button', { name: 'turnover', exact: true }).click();
  await expect(schedule).toContainText('paused it. Nothing starts.');
  const log = schedule.getByRole('region', { name: 'Decision log' });
  await expect(log.getByRole('row').nth(1)).toContainText('Ran');
  await expect(log.getByRole('row').nth(1)).toContainText('run now');
  await schedule.getByRole('button', { name: 'Resume' }).click();
  await expect(schedule.locator('.dl-State').first()).toHaveText('Active');
  await log.getByRole('button', { name: 'Open run' }).click();
  await expect(screens.recordInPhase('succeeded')).toBeVisible();
});

test('a wrong expression is said in its field, and a changed schedule keeps its version until it is updated', async ({
  page,
  screens,
  tmpPath
}) => {
  const path = `${tmpPath}/weekly.ipynb`;
  const content = (text: string) =>
    notebook({ parameters: 'day: str = ""' }, `print("${text}", day)`);
  await openForm(page, path, content('old'));
  await screens.form.getByRole('button', { name: 'Schedule…' }).click();
  const form = formOf(page);
  await form.getByLabel('How often').selectOption('cron');
  const expression = form.getByLabel('Expression');
  await expect(expression).toHaveValue('0 8 * * *');
  await expression.fill('0 8 * * 9');
  await expect(form.locator('.dl-Field-problem')).toContainText(
    'at character 9'
  );
  await expression.fill('30 7 * * 1');
  await expect(form).toContainText('At 07:30, only on Monday');
  await form
    .getByRole('button', { name: 'A date that moves along for day' })
    .click();
  await form.getByLabel('day', { exact: true }).selectOption('yesterday');
  await form.getByRole('button', { name: 'Schedule', exact: true }).click();

  const schedule = pageOf(page);
  await expect(schedule).toContainText('day: yesterday');
  await page.contents.uploadContent(content('new'), 'text', path);
  await schedule.getByRole('button', { name: 'Change…' }).click();
  await expect(form.getByLabel('How often')).toHaveValue('week');
  await form.getByLabel('At', { exact: true }).fill('09:15');
  await form.getByRole('button', { name: 'Save' }).click();
  await expect(schedule).toContainText('At 09:15, only on Monday');
  await expect(schedule).toContainText('The working file has moved on');
  await schedule.getByRole('button', { name: 'Update' }).click();
  await expect(schedule).toContainText('version 2');
  await expect(schedule).not.toContainText('The working file has moved on');
});

test('a webhook gets its address and a secret once, and a signed request starts a run', async ({
  page,
  screens,
  tmpPath
}) => {
  await openForm(
    page,
    `${tmpPath}/orders.ipynb`,
    notebook({ parameters: 'order: int' }, 'print("order", order * 2)')
  );
  await screens.form.getByRole('button', { name: 'Schedule…' }).click();
  const form = formOf(page);
  await form.getByLabel('How often').selectOption('webhook');
  await expect(form).toContainText(
    'When another program sends a signed request'
  );
  const place = form.getByLabel('order from the request');
  await place.fill('id');
  await form.getByRole('button', { name: 'Schedule', exact: true }).click();
  await expect(form).toContainText('Needs a place such as /order/id.');
  await place.fill('/order/id');
  await form.getByRole('button', { name: 'Schedule', exact: true }).click();

  const schedule = pageOf(page);
  const webhook = schedule.getByRole('region', { name: 'Webhook' });
  await expect(webhook).toContainText(
    'Nothing starts until there is a secret.'
  );
  await webhook.getByRole('button', { name: 'Make a secret' }).click();
  await expect(webhook).toContainText('It is not shown again.');
  const [secret, address] = await webhook.locator('code').allTextContents();
  await webhook.getByRole('button', { name: 'I have it' }).click();
  await expect(webhook).not.toContainText(secret);
  await expect(webhook).toContainText('set by');

  const body = JSON.stringify({ order: { id: 21 } });
  const sent = Math.floor(Date.now() / 1000);
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signature = createHmac('sha256', key)
    .update(`msg_1.${sent}.${body}`)
    .digest('base64');
  const deliver = () =>
    fetch(address, {
      method: 'POST',
      body,
      headers: {
        'Content-Type': 'application/json',
        'webhook-id': 'msg_1',
        'webhook-timestamp': String(sent),
        'webhook-signature': `v1,${signature}`
      }
    });
  expect((await deliver()).status).toBe(202);
  expect((await deliver()).status).toBe(200);
  const log = schedule.getByRole('region', { name: 'Decision log' });
  await expect(log.getByRole('row').nth(1)).toContainText('Ran');
  await expect(log.getByRole('row').nth(1)).toContainText('webhook');
  await log.getByRole('button', { name: 'Open run' }).click();
  await expect(screens.recordInPhase('succeeded')).toContainText('order 42');
});
