import { administration } from './administration/plugin';
import { client } from './api/plugin';
import { jobs } from './jobs/plugin';
import { links } from './links/plugin';
import { notifications } from './notifications/plugin';
import { pipelineEditor } from './pipelines/editor/plugin';
import { pipelines } from './pipelines/plugin';
import { records } from './records/plugin';
import { reproductions } from './reproductions/plugin';
import { runs, runsModel } from './runs/plugin';
import { schedules } from './schedules/plugin';

export * from './tokens';

export default [
  client,
  runsModel,
  runs,
  records,
  jobs,
  pipelines,
  pipelineEditor,
  reproductions,
  schedules,
  notifications,
  administration,
  links
];
