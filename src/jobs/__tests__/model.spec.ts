import { nullTranslator } from '@jupyterlab/translation';

import {
  ImageOption,
  Inspection,
  JobKind,
  Parameter,
  PipelineValidation,
  Placement,
  Problem,
  Run,
  Submission
} from '../../api';
import { IRunTarget, RunFormModel } from '../model';

const trans = nullTranslator.load('dataops_lab');

function parameter(name: string, value: number): Parameter {
  return {
    name,
    type: 'integer',
    default: value,
    required: false,
    nullable: false,
    description: '',
    choices: [],
    items: null
  };
}

const INSPECTION = {
  name: 'report',
  kind: 'notebook',
  declares_parameters: true,
  parameters: [parameter('top', 8), parameter('year', 2026)],
  kernel: { name: 'python3', language: 'python', display_name: 'Python 3' },
  kernel_problem: null,
  kernel_suggestion: null,
  kernels: ['bash', 'python3'],
  findings: [],
  pinned: [],
  files: [
    {
      path: 'sales.csv',
      size: 1,
      role: 'data',
      fresh: true,
      pattern: '/sales.csv'
    }
  ]
} as unknown as Inspection;

const SANDBOX: Placement = {
  environment: 'sandbox',
  description: '',
  executor: 'process',
  guarded: false,
  problem: null,
  bypassed_promotion: false,
  images: [],
  default_image: null,
  limits: {
    resources: { cpus: null, memory_bytes: null, pids: null, gpus: null },
    timeout_s: null,
    concurrency: null
  },
  locked: [],
  network: true,
  not_enforced: []
};

function image(name: string, problems: string[] = []): ImageOption {
  return {
    name,
    description: '',
    reference: name,
    digest: 'sha256:1',
    is_default: false,
    problems,
    warnings: [],
    python: '3.11.2',
    kernels: []
  };
}

const CONTAINERS: Placement = {
  ...SANDBOX,
  environment: 'containers',
  executor: 'docker',
  images: [image('lean'), image('old', ['It is not allowed here.'])],
  limits: {
    ...SANDBOX.limits,
    resources: { ...SANDBOX.limits.resources, cpus: 2, memory_bytes: 4e9 }
  }
};

class FakeTarget implements IRunTarget {
  title = 'report.ipynb';
  kind: JobKind = 'notebook';
  validation: PipelineValidation = { title: '', problems: [], steps: [] };
  validate = async () => this.validation;
  rerunOf: Run | null = null;
  template: Run | null = null;
  taken: string[] = [];
  takeAlong = async (file: string) => {
    if (file === 'secret') {
      throw new Problem({ detail: 'It looks like a secret.' });
    }
    this.taken.push(file);
  };
  relinked: string[] = [];
  relink = async (job: string) => {
    if (job === 'busy') {
      throw new Problem({ detail: 'A run has not ended.' });
    }
    this.relinked.push(job);
    this.inspection = INSPECTION;
  };
  saving: string | null = null;
  inspection = INSPECTION;
  failures: Problem[] = [];
  submitted: { submission: Omit<Submission, 'path'>; key: string }[] = [];

  save = async () => this.saving;
  inspected: unknown[] = [];
  inspect = async (where: unknown) => {
    this.inspected.push(where);
    return this.inspection;
  };
  places = [SANDBOX];
  placements = async () => this.places;
  previewed: Omit<Submission, 'path'>[] = [];
  previewReuse = async (submission: Omit<Submission, 'path'>) => {
    this.previewed.push(submission);
    return [];
  };
  submit = async (submission: Omit<Submission, 'path'>, key: string) => {
    this.submitted.push({ submission, key });
    const failure = this.failures.shift();
    if (failure) {
      throw failure;
    }
    return { id: 'r1' } as Run;
  };
}

describe('RunFormModel', () => {
  let target: FakeTarget;
  let form: RunFormModel;
  const type = (name: string, text: string) =>
    form.setDraft(name, { text, isNone: false });

  beforeEach(async () => {
    target = new FakeTarget();
    form = new RunFormModel(target, trans);
    await form.load();
  });

  it('is filled in from the notebook, so that it can be sent at once', async () => {
    expect(form.state.name).toBe('report');
    expect(form.state.drafts.top.text).toBe('8');
    expect(await form.submit()).toEqual({ id: 'r1' });
    expect(target.submitted[0].submission).toEqual({
      parameters: {},
      environment: 'sandbox'
    });
  });

  it('previews and sends the wish for reuse with the values of the form', async () => {
    form.setReuse(true);
    type('top', 'many');
    type('top', '3');
    await form.submit();
    expect(target.previewed[0]).toEqual({
      parameters: {},
      environment: 'sandbox'
    });
    expect(target.submitted[0].submission).toEqual({
      parameters: { top: 3 },
      environment: 'sandbox',
      reuse: true
    });
    form.dispose();
  });

  it('sends only what was changed', async () => {
    type('top', '3');
    type('year', '2026');
    form.setName('March');
    form.setSettings({ timeout_s: '1.5', priority: '-3' });
    await form.submit();
    expect(target.submitted[0].submission).toEqual({
      parameters: { top: 3 },
      name: 'March',
      environment: 'sandbox',
      priority: -3,
      timeout_s: 90
    });
  });

  it('looks at the notebook anew when a file is pinned, and sends that', async () => {
    await form.pin(INSPECTION.files[0], true);
    expect(target.inspected[1]).toMatchObject({ pinned: ['/sales.csv'] });
    await form.submit();
    expect(target.submitted[0].submission).toMatchObject({
      pinned: ['/sales.csv']
    });
  });

  it('sends nothing while a field is wrong, and says so there', async () => {
    type('top', 'many');
    expect(await form.submit()).toBeNull();
    expect(target.submitted).toEqual([]);
    expect(Object.keys(form.state.problems)).toEqual(['top']);
  });

  it('forgets the problem of a field that is changed', async () => {
    type('top', 'many');
    form.check('top');
    expect(form.state.problems).toHaveProperty('top');
    type('top', '3');
    expect(form.state.problems).toEqual({});
  });

  it('says at a setting what is wrong with it, and sends nothing', async () => {
    form.setSettings({ max_retries: '1.5' });
    expect(await form.submit()).toBeNull();
    expect(target.submitted).toEqual([]);
    expect(form.state.fieldProblems.max_retries).toMatch('whole number');
  });

  it('runs where one may: in the first environment that is open', async () => {
    const closed = { ...SANDBOX, environment: 'closed', problem: 'It is not.' };
    target.places = [closed, SANDBOX];
    form = new RunFormModel(target, trans);
    await form.load();
    expect(form.state.place.environment).toBe('sandbox');
  });

  it('runs where the notebook was written, until another place is chosen', async () => {
    target.places = [SANDBOX, CONTAINERS];
    target.inspection = {
      ...INSPECTION,
      authored_in: { environment: 'containers', image: 'lean' }
    };
    form = new RunFormModel(target, trans);
    await form.load();
    expect(target.inspected.pop()).toEqual({
      environment: 'containers',
      image: 'lean'
    });
    await form.submit();
    expect(target.submitted[0].submission).toMatchObject({
      environment: 'containers',
      image: 'lean'
    });
    await form.setPlace({ environment: 'sandbox' });
    expect(form.state.place).toMatchObject({
      environment: 'sandbox',
      image: null
    });
  });

  it('wants an image where there are several, and keeps within the limits', async () => {
    target.places = [SANDBOX, CONTAINERS];
    await form.load();
    await form.setPlace({
      environment: 'containers',
      memory: '8',
      cpus: '0'
    });
    expect(await form.submit()).toBeNull();
    expect(Object.keys(form.state.fieldProblems).sort()).toEqual([
      'cpus',
      'image',
      'memory_bytes'
    ]);
    await form.setPlace({ image: 'lean', memory: '1.5', cpus: '' });
    expect(target.inspected.pop()).toMatchObject({
      environment: 'containers',
      image: 'lean'
    });
    await form.submit();
    expect(target.submitted[0].submission).toMatchObject({
      environment: 'containers',
      image: 'lean',
      resources: { memory_bytes: 1.5e9, cpus: null }
    });
  });

  it('forgets an image that is allowed no longer', async () => {
    target.places = [CONTAINERS];
    await form.load();
    await form.setPlace({ environment: 'containers' });
    await form.setPlace({ image: 'lean' });
    target.places = [{ ...CONTAINERS, images: [image('lean', ['Gone.'])] }];
    await form.load();
    expect(form.state.place.image).toBeNull();
  });

  it('puts a limit that the server holds at its field', async () => {
    target.failures = [
      new Problem({
        code: 'limit_exceeded',
        status: 422,
        detail: 'Too long.',
        extra: { limit: 'timeout_s' }
      })
    ];
    await form.submit();
    expect(form.state.fieldProblems).toEqual({ timeout_s: 'Too long.' });
    expect(form.state.trouble).toBeNull();
  });

  it('puts a refusal of the outputs at their field until they change', async () => {
    target.failures = [
      new Problem({
        code: 'invalid_outputs',
        status: 422,
        detail: 'Stay in the workspace.',
        extra: {}
      })
    ];
    await form.submit();
    expect(form.state.fieldProblems).toEqual({
      outputs: 'Stay in the workspace.'
    });
    form.setOutputs({ text: 'sales.csv' });
    expect(form.state.fieldProblems).toEqual({});
  });

  it('sends nothing before the notebook has been read', async () => {
    form = new RunFormModel(target, trans);
    expect(await form.submit()).toBeNull();
    expect(target.submitted).toEqual([]);
  });

  it('sends the kernel that was chosen, and none otherwise', async () => {
    await form.setKernel('python3');
    await form.submit();
    expect(target.submitted[0].submission.kernel).toBe('python3');
  });

  describe('of a notebook whose kernel is not there', () => {
    beforeEach(async () => {
      target.inspect = async where => {
        target.inspected.push(where);
        return (where as { kernel?: string }).kernel
          ? INSPECTION
          : {
              ...INSPECTION,
              kernel: null,
              kernel_problem: 'The kernel is not installed here.',
              kernel_suggestion: 'python3'
            };
      };
      await form.load();
    });

    it('takes the only kernel of its language instead, and says so', async () => {
      expect(form.state.inspection?.kernel?.name).toBe('python3');
      expect(form.state.notes.map(note => note.code)).toEqual([
        'kernel_stands_in'
      ]);
      expect(form.state.notes[0].message).toContain('python3');
      await form.submit();
      expect(target.submitted[0].submission.kernel).toBe('python3');
    });

    it('takes the kernel that is chosen, and no longer says anything', async () => {
      await form.setKernel('bash');
      expect(form.state.notes).toEqual([]);
      await form.submit();
      expect(target.submitted[0].submission.kernel).toBe('bash');
    });
  });

  it('puts what the server refuses at its field, and not once more', async () => {
    target.failures = [
      new Problem({
        code: 'invalid_parameters',
        status: 422,
        detail: "'top' is too large.",
        extra: { problems: [{ name: 'top', message: 'is too large' }] }
      })
    ];
    expect(await form.submit()).toBeNull();
    expect(form.state.problems).toEqual({ top: 'is too large' });
    expect(form.state.trouble).toBeNull();
    expect(form.state.submitting).toBe(false);
  });

  it('says what is refused for another reason once, above the button', async () => {
    const refusal = new Problem({
      code: 'snapshot_too_large',
      detail: 'Too big.'
    });
    target.failures = [refusal];
    expect(await form.submit()).toBeNull();
    expect(form.state.trouble).toBe(refusal);
  });

  it('tries the same again with the same key, and another run with another', async () => {
    target.failures = [new Problem({ detail: 'lost' })];
    await form.submit();
    await form.submit();
    await form.submit();
    const [first, second, third] = target.submitted.map(
      submission => submission.key
    );
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  it('says when the notebook was not saved', async () => {
    target.saving = 'The notebook could not be saved.';
    await form.load();
    expect(form.state.notes.map(note => note.message)).toEqual([target.saving]);
  });

  it('keeps what was typed when the notebook is read again', async () => {
    type('top', '3');
    target.inspection = {
      ...INSPECTION,
      parameters: [parameter('top', 10), parameter('month', 1)]
    };
    await form.load();
    expect(form.state.drafts.top.text).toBe('3');
    expect(Object.keys(form.state.drafts)).toEqual(['top', 'month']);
  });

  const runAgain = async (run: Partial<Run>) => {
    target.rerunOf = {
      job: { name: 'report' },
      environment: 'sandbox',
      image: null,
      parameter_schema: INSPECTION.parameters,
      parameters: { year: 2025 },
      ...run
    } as Run;
    form = new RunFormModel(target, trans);
    await form.load();
  };

  it('publishes by itself in one run, and in a sweep or rerun only when somebody asks', async () => {
    const sent = async () => {
      await form.submit();
      return target.submitted[target.submitted.length - 1].submission.publish;
    };
    expect(form.publishes).toBe(true);
    expect(await sent()).toBeUndefined();
    form.setDraft('top', { text: '1\n2', isNone: false, several: true });
    expect(form.publishes).toBe(false);
    expect(await sent()).toBeUndefined();
    form.setOutputs({ publish: true });
    expect(await sent()).toBe(true);
    form.setDraft('top', { text: '1', isNone: false });
    form.setOutputs({ publish: false });
    expect(await sent()).toBe(false);
    await runAgain({ has_outputs: true });
    expect(form.publishes).toBe(false);
    expect(await sent()).toBeUndefined();
    form.setOutputs({ publish: true });
    expect(await sent()).toBe(true);
  });

  it('takes up the values of the run that is run again', async () => {
    await runAgain({});
    expect(form.state.drafts.year.text).toBe('2025');
    type('top', '3');
    await form.submit();
    expect(target.submitted[0].submission.parameters).toEqual({
      top: 3,
      year: 2025
    });
  });

  it('leaves a run that is run again in its very image, until another is chosen', async () => {
    const images = [image('lean'), image('full')];
    target.places = [SANDBOX, { ...CONTAINERS, images }];
    await runAgain({
      environment: 'containers',
      image: { name: 'lean', reference: 'lean', digest: 'sha256:1' }
    });
    expect(form.state.place.image).toBe('lean');
    await form.submit();
    await form.setPlace({ image: 'full' });
    await form.submit();
    await form.setPlace({ environment: 'sandbox' });
    await form.submit();
    const places = target.submitted.map(({ submission }) => [
      submission.environment,
      submission.image
    ]);
    expect(places).toEqual([
      [undefined, undefined],
      ['containers', 'full'],
      ['sandbox', undefined]
    ]);
    expect(target.inspected).toHaveLength(1);
  });

  it('asks for another image where that of the run is allowed no longer', async () => {
    target.places = [{ ...CONTAINERS, images: [image('lean', ['Gone.'])] }];
    await runAgain({
      environment: 'containers',
      image: { name: 'lean', reference: 'lean', digest: 'sha256:1' }
    });
    expect(await form.submit()).toBeNull();
    expect(form.state.fieldProblems).toEqual({ image: 'Choose an image.' });
  });

  it('looks again once a file was taken along, and says why one was not', async () => {
    await form.takeAlong('../data/a.csv');
    expect(target.taken).toEqual(['../data/a.csv']);
    expect(target.inspected).toHaveLength(2);
    await form.takeAlong('secret');
    expect(form.state.trouble?.message).toBe('It looks like a secret.');
    expect(form.state.loading).toBe(false);
  });

  it('begins with the values, the place and the kernel of a run that it is like', async () => {
    const images = [image('lean'), image('full')];
    target.places = [SANDBOX, { ...CONTAINERS, images }];
    target.template = {
      job: { name: 'report' },
      environment: 'containers',
      image: { name: 'full', reference: 'full', digest: 'sha256:1' },
      kernel: { name: 'conda', language: 'python', display_name: 'Conda' },
      parameter_schema: INSPECTION.parameters,
      parameters: { year: 2025 }
    } as unknown as Run;
    form = new RunFormModel(target, trans);
    await form.load();
    await form.submit();
    const expected = {
      environment: 'containers',
      image: 'full',
      kernel: 'conda',
      parameters: { year: 2025 }
    };
    expect(target.submitted[0].submission).toMatchObject(expected);
  });

  it('leaves out what is chosen for everybody', async () => {
    const locked = ['image', 'kernel'];
    target.places = [{ ...CONTAINERS, locked }];
    await form.load();
    await form.setPlace({ image: 'lean' });
    await form.setKernel('bash');
    await form.submit();
    const { submission } = target.submitted[0];
    expect([submission.image, submission.kernel]).toEqual([
      undefined,
      undefined
    ]);
  });

  describe('of a notebook that was moved', () => {
    const moved = {
      code: 'moved_notebook',
      severity: 'warning' as const,
      message: 'Its cells are those of the job sales.',
      hint: '',
      cell: null,
      file: null,
      job: 'j1'
    };

    beforeEach(async () => {
      target.inspection = { ...INSPECTION, findings: [moved] };
      await form.load();
    });

    it('keeps the job when it is the same', async () => {
      await form.setSameJob('j1');
      expect(target.relinked).toEqual(['j1']);
      expect(form.state.inspection?.findings).toEqual([]);
      expect(form.state.loading).toBe(false);
    });

    it('tells why it is not relinked', async () => {
      await form.setSameJob('busy');
      expect(form.state.trouble?.message).toBe('A run has not ended.');
      expect(form.state.loading).toBe(false);
    });

    it('asks no more when it is a new one', async () => {
      form.setNewJob();
      await form.load();
      expect(form.state.isNew).toBe(true);
      expect(target.relinked).toEqual([]);
    });
  });

  describe('of a pipeline', () => {
    const mistake = { message: 'No steps.', line: 2, column: 1, step: null };

    beforeEach(() => {
      target.kind = 'pipeline';
      target.inspection = { ...INSPECTION, kernel: null };
    });

    it('is not sent while its file has mistakes', async () => {
      target.validation = { title: '', problems: [mistake], steps: [] };
      await form.load();
      expect(form.state.validation?.problems).toEqual([mistake]);
      expect(await form.submit()).toBeNull();
      expect(target.submitted).toEqual([]);
    });

    it('is sent when the mistakes are gone', async () => {
      target.validation = { title: '', problems: [mistake], steps: [] };
      await form.load();
      target.validation = { title: '', problems: [], steps: [] };
      await form.load();
      expect(await form.submit()).toEqual({ id: 'r1' });
    });

    it('chooses the environment alone: images are those of its steps', async () => {
      target.places = [CONTAINERS];
      await form.load();
      await form.setPlace({ cpus: '100000' });
      expect(await form.submit()).not.toBeNull();
      const { environment, image, resources } = target.submitted[0].submission;
      expect(environment).toBe(CONTAINERS.environment);
      expect([image, resources]).toEqual([undefined, undefined]);
    });

    it('is checked again for another environment', async () => {
      const asked: (string | undefined)[] = [];
      target.validate = async (environment?: string) => {
        asked.push(environment);
        return target.validation;
      };
      target.places = [SANDBOX, CONTAINERS];
      await form.load();
      await form.setPlace({ environment: CONTAINERS.environment });
      expect(asked.pop()).toBe(CONTAINERS.environment);
    });
  });
});
