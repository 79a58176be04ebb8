import { TranslationBundle } from '@jupyterlab/translation';
import {
  codeIcon,
  LabIcon,
  notebookIcon,
  terminalIcon,
  userIcon
} from '@jupyterlab/ui-components';

import type { JobKind, StepKind } from '../api';
import { pipelineIcon, sweepIcon } from './icons';

export type Kind = JobKind | StepKind;

const ICONS: { [kind in Kind]: LabIcon } = {
  notebook: notebookIcon,
  script: codeIcon,
  command: terminalIcon,
  approval: userIcon,
  pipeline: pipelineIcon,
  sweep: sweepIcon
};

/** Return the icon of a kind of job or step. */
export function iconOfKind(kind: Kind): LabIcon {
  return ICONS[kind] ?? codeIcon;
}

export function labelOfKind(kind: Kind, trans: TranslationBundle): string {
  const labels: { [kind in Kind]: string } = {
    notebook: trans.__('Notebook'),
    script: trans.__('Script'),
    command: trans.__('Command'),
    approval: trans.__('Approval'),
    pipeline: trans.__('Pipeline'),
    sweep: trans.__('Sweep')
  };
  return labels[kind] ?? kind;
}

/** The ends of the names of files that run as jobs. */
const NAMES: [RegExp, JobKind][] = [
  [/\.pipeline\.ya?ml$/, 'pipeline'],
  [/\.ipynb$/, 'notebook'],
  [/\.(py|sh|bash|r)$/i, 'script']
];

/** Return the kind of job that a file makes, or null when it makes none. */
export function kindOfPath(path: string): JobKind | null {
  return NAMES.find(([name]) => name.test(path))?.[1] ?? null;
}
