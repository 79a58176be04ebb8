import { nullTranslator } from '@jupyterlab/translation';
import { render, screen } from '@testing-library/react';
import React from 'react';

import type { Status } from '../../api';
import { EngineEnd } from '../components/EngineEnd';

const trans = nullTranslator.load('dataops_lab');

it.each([
  ['server', false, 'This schedule stops with JupyterLab.'],
  ['server', true, /stops when the hub ends this server/],
  [null, false, /No engine is there/],
  ['service', false, /The engine is a service/],
  ['idle', false, /goes on without JupyterLab/],
  ['elsewhere', true, /goes on without JupyterLab/]
] as [Status['engine']['lifetime'], boolean, string | RegExp][])(
  'with an engine of the kind %s, culled %s, the page says so',
  (lifetime, culled, text) => {
    const engine = {
      pid: 1,
      since: null,
      leading: lifetime !== null,
      lifetime
    };
    render(<EngineEnd status={{ engine, culled }} trans={trans} />);
    expect(screen.getByText(text)).toBeTruthy();
    const advice = screen.queryByText(/install-service/);
    expect(advice !== null).toBe(lifetime === null || lifetime === 'server');
  }
);
