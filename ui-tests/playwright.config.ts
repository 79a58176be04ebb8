import { execFileSync } from 'child_process';

import { defineConfig } from '@playwright/test';

const LISTEN =
  "const s = require('net').createServer().listen(0, '127.0.0.1', () => {" +
  ' console.log(s.address().port); s.close(); })';

function freePort(): string {
  return execFileSync(process.execPath, ['-e', LISTEN], {
    encoding: 'utf8'
  }).trim();
}

// Workers read this file too, and inherit what was chosen first.
process.env.UI_TESTS_PORT ??= freePort();
process.env.UI_TESTS_WIRE_PORT ??= freePort();

const PORT = process.env.UI_TESTS_PORT;
const URL = `http://127.0.0.1:${PORT}`;

// Galata reads it when it is imported.
process.env.TARGET_URL = URL;

export default defineConfig({
  testDir: 'tests',
  // They write docs/images, and only when asked to.
  testIgnore: process.env.SCREENSHOTS ? [] : ['screenshots.spec.ts'],
  timeout: 120_000,
  expect: { timeout: 40_000 },
  // One server, and one engine that runs a few notebooks at a time.
  workers: 1,
  reporter: [['list']],
  use: {
    baseURL: URL,
    viewport: { width: 1440, height: 900 },
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run'
      ]
    }
  },
  webServer: {
    command: 'jlpm start',
    url: `${URL}/lab`,
    env: { UI_TESTS_PORT: PORT },
    stderr: process.env.DEBUG ? 'pipe' : 'ignore',
    timeout: 120_000,
    reuseExistingServer: false,
    gracefulShutdown: { signal: 'SIGTERM', timeout: 10_000 }
  }
});
