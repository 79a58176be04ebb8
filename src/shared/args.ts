import type { ReadonlyJSONObject } from '@lumino/coreutils';

/** Describe command arguments as JSON Schema, for callers from outside. */
function describedArgs(properties: ReadonlyJSONObject) {
  return { args: { type: 'object', properties } };
}

export const noArgs = describedArgs({});

export const runArgs = describedArgs({
  id: {
    type: 'string',
    description: 'The run; the one whose record is in front if not given'
  }
});

export const reproduceArgs = describedArgs({
  id: {
    type: 'string',
    description: 'The run; the one whose record is in front if not given'
  },
  step: { type: 'string', description: 'The step of a pipeline run' }
});

export const openRunArgs = describedArgs({
  id: { type: 'string', description: 'The run' },
  ref: {
    type: 'string',
    description: 'Id of the widget that the record is opened beside'
  },
  activate: {
    type: 'boolean',
    description: 'Whether to bring the record to the front'
  }
});

export const artifactArgs = describedArgs({
  id: { type: 'string', description: 'The run' },
  path: { type: 'string', description: 'Path of the artifact in its record' }
});

export const fileArgs = describedArgs({
  path: {
    type: 'string',
    description: 'The file; the one in front if not given'
  }
});

export const historyArgs = describedArgs({
  ...runArgs.args.properties,
  ...fileArgs.args.properties
});

export const newPipelineArgs = describedArgs({
  paths: {
    type: 'array',
    items: { type: 'string' },
    description: 'The notebooks and scripts of its steps; an example without'
  },
  cwd: { type: 'string', description: 'The folder of the new file' }
});

export const addToPipelineArgs = describedArgs({
  pipeline: {
    type: 'string',
    description: 'The file of the pipeline; a person is asked without'
  }
});

export const importArgs = describedArgs({
  path: {
    type: 'string',
    description: 'The .pipeline file of Elyra; the selected one if not given'
  }
});

export const administrationArgs = describedArgs({
  page: {
    type: 'string',
    enum: ['environments', 'images', 'targets', 'retention', 'audit'],
    description: 'The page to show; the environments if not given'
  },
  name: { type: 'string', description: 'Which environment, image or target' }
});

export const scheduleArgs = describedArgs({
  id: { type: 'string', description: 'The schedule' },
  activate: {
    type: 'boolean',
    description: 'Whether to bring its page to the front'
  }
});

export const newScheduleArgs = describedArgs({
  ...fileArgs.args.properties,
  submission: {
    type: 'object',
    description: 'The values and the place that the form for a run has'
  }
});
