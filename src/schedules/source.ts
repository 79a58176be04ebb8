import type {
  GivenSettings,
  Parameters,
  ScheduledSource,
  Submission
} from '../api';
import { NO_SETTINGS, SettingName } from '../jobs/settings';

/** Return what a schedule takes over from the form for a run. */
export function sourceOf(submission: Submission): {
  source: ScheduledSource;
  parameters: Parameters;
} {
  const { path, environment, image, kernel, resources } = submission;
  const names = Object.keys(NO_SETTINGS) as SettingName[];
  const run_settings = Object.fromEntries(
    names.map(name => [name, submission[name] ?? null])
  ) as GivenSettings;
  return {
    source: { path, environment, image, kernel, resources, run_settings },
    parameters: submission.parameters ?? {}
  };
}
