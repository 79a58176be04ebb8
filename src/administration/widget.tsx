import { TranslationBundle } from '@jupyterlab/translation';
import { ISignal, Signal } from '@lumino/signaling';
import React from 'react';

import type { Client } from '../api';
import { Message } from '../shared/components/Message';
import { Tabs } from '../shared/components/Tabs';
import { dataOpsIcon } from '../shared/icons';
import { Screen } from '../shared/screen';
import { useSignal } from '../shared/signals';
import type { IRuns } from '../tokens';
import { AuditModel } from './audit';
import { EnvironmentsModel } from './environments';
import { ImagesModel } from './images';
import {
  AuditPart,
  EnvironmentsPart,
  ImagesPart,
  PANEL,
  RetentionPart,
  TargetsPart
} from './pages';
import { RetentionModel } from './retention';
import { TargetsModel } from './targets';

const PAGES = [
  'environments',
  'images',
  'targets',
  'retention',
  'audit'
] as const;

export type Page = (typeof PAGES)[number];

type Options = {
  client: Client;
  runs: IRuns;
  /** Names of the kernels of this machine. */
  kernels: () => string[];
  /** Called when the environments or images that people can choose may have changed. */
  onChanged: () => void;
  onOpenRun: (id: string) => void;
  trans: TranslationBundle;
};

/** The settings that administrators make for everybody, and the trail of all changes. */
export class AdministrationWidget extends Screen {
  constructor(private readonly _options: Options) {
    super(_options.trans.__('DataOps administration'), dataOpsIcon);
    const { client, runs, onChanged } = _options;
    this.environments = new EnvironmentsModel(client, onChanged);
    this.images = new ImagesModel(client, onChanged);
    this.retention = new RetentionModel(client);
    this.targets = new TargetsModel(client);
    this.audit = new AuditModel(client);
    this.id = 'dataops-administration';
    this.addClass('dl-Administration');
    void runs.start();
    this._show('environments');
  }

  readonly environments: EnvironmentsModel;
  readonly images: ImagesModel;
  readonly retention: RetentionModel;
  readonly targets: TargetsModel;
  readonly audit: AuditModel;

  get page(): Page {
    return this._page;
  }

  /** A signal that another page is shown. */
  get pageChanged(): ISignal<this, void> {
    return this._pageChanged;
  }

  get options(): Options {
    return this._options;
  }

  /** Read a page again and show it; with `name` also select what has that name. */
  open(page: Page, name?: string): void {
    this._show(page);
    if (
      name !== undefined &&
      (page === 'environments' || page === 'images' || page === 'targets')
    ) {
      void this[page].select(name);
    }
  }

  dispose(): void {
    this.environments.dispose();
    this.images.dispose();
    this.retention.dispose();
    this.targets.dispose();
    this.audit.dispose();
    super.dispose();
  }

  protected render(): JSX.Element {
    return <Connected widget={this} />;
  }

  private _show(page: Page): void {
    this._page = page;
    void this[page].load();
    if (page === 'environments') {
      // The form of an environment lists the images that it may allow.
      void this.images.load();
    }
    this._pageChanged.emit();
  }

  private _page: Page = 'environments';
  private readonly _pageChanged = new Signal<this, void>(this);
}

export function isPage(page: unknown): page is Page {
  return PAGES.includes(page as Page);
}

function Connected({ widget }: { widget: AdministrationWidget }): JSX.Element {
  const { runs, kernels, trans } = widget.options;
  const page = useSignal(widget.pageChanged, () => widget.page);
  const may = useSignal(runs.changed, () => runs.mayAdminister);
  if (may === false) {
    return (
      <Message
        kind="warning"
        title={trans.__('This page is for administrators.')}
      >
        <p>
          {trans.__(
            'The setting DataOpsApp.administrators of this server names them.'
          )}
        </p>
      </Message>
    );
  }
  const labels = {
    environments: trans.__('Environments'),
    images: trans.__('Images'),
    targets: trans.__('Notifications'),
    retention: trans.__('Retention'),
    audit: trans.__('Audit')
  };
  const common = { onOpenRun: widget.options.onOpenRun, trans };
  return (
    <>
      <Tabs
        tabs={PAGES.map(id => ({ id, label: labels[id] }))}
        selected={page}
        label={trans.__('Pages of the administration')}
        panelOf={() => PANEL}
        onSelect={tab => widget.open(tab as Page)}
      />
      <div
        id={PANEL}
        className="dl-Administration-page"
        role="tabpanel"
        tabIndex={-1}
        aria-label={labels[page]}
        data-page={page}
      >
        {page === 'environments' && (
          <EnvironmentsPart
            {...common}
            model={widget.environments}
            images={widget.images}
          />
        )}
        {page === 'images' && (
          <ImagesPart {...common} model={widget.images} kernels={kernels} />
        )}
        {page === 'targets' && (
          <TargetsPart {...common} model={widget.targets} />
        )}
        {page === 'retention' && (
          <RetentionPart {...common} model={widget.retention} />
        )}
        {page === 'audit' && <AuditPart {...common} model={widget.audit} />}
      </div>
    </>
  );
}
