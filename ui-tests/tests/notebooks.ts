import { IJupyterLabPageFixture } from '@jupyterlab/galata';
import * as fs from 'fs';
import * as os from 'os';
import * as path from 'path';

type Cell = string | { markdown: string } | { parameters: string };

/** Make a notebook. A cell is code unless it names its type. */
export function notebook(...cells: Cell[]): string {
  return JSON.stringify({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {
      kernelspec: {
        name: 'python3',
        display_name: 'Python 3 (ipykernel)',
        language: 'python'
      },
      language_info: { name: 'python' }
    },
    cells: cells.map((cell, index) => {
      const id = `cell-${index}`;
      if (typeof cell !== 'string' && 'markdown' in cell) {
        const source = cell.markdown;
        return { id, cell_type: 'markdown', metadata: {}, source };
      }
      const code = typeof cell === 'string' ? cell : cell.parameters;
      return {
        id,
        cell_type: 'code',
        metadata: typeof cell === 'string' ? {} : { tags: ['parameters'] },
        source: code,
        outputs: [],
        execution_count: null
      };
    })
  });
}

/** A gate that a notebook waits for instead of sleeping, until the test opens it. */
export class Gate {
  private readonly _folder = fs.mkdtempSync(
    path.join(os.tmpdir(), 'dataops-gate-')
  );
  private readonly _file = path.join(this._folder, 'open');

  /** The code of a cell that ends when the gate is opened or removed. */
  get cell(): string {
    return `${this.module}\nwait_for_delivery()`;
  }

  /** The code of a module with a function that waits for the gate. */
  get module(): string {
    return [
      'import pathlib, time',
      'def wait_for_delivery():',
      `    gate = pathlib.Path(${JSON.stringify(this._file)})`,
      '    while gate.parent.exists() and not gate.exists():',
      '        time.sleep(0.02)'
    ].join('\n');
  }

  open(): void {
    fs.writeFileSync(this._file, '');
  }

  remove(): void {
    fs.rmSync(this._folder, { recursive: true });
  }
}

/** Open the form for a notebook, as the file browser does; with `content`, write the notebook first. */
export async function openForm(
  page: IJupyterLabPageFixture,
  path: string,
  content?: string
): Promise<void> {
  if (content !== undefined) {
    await page.contents.uploadContent(content, 'text', path);
  }
  await execute(page, 'dataops:run-as-job', { path });
}

/** Open a notebook of the workspace in Lab. */
export async function openNotebook(
  page: IJupyterLabPageFixture,
  path: string
): Promise<void> {
  await execute(page, 'docmanager:open', { path });
}

/** Execute a command in the page. Its result stays in the page, because widgets cannot be serialised. */
export async function execute(
  page: IJupyterLabPageFixture,
  command: string,
  args: Record<string, string> = {}
): Promise<void> {
  await page.evaluate(
    async ([command, args]) => {
      await window.jupyterapp.commands.execute(command, args);
    },
    [command, args] as const
  );
}

/** Open a file in Lab's text editor, also when another editor is its default. */
export async function openText(
  page: IJupyterLabPageFixture,
  path: string
): Promise<void> {
  await execute(page, 'docmanager:open', { path, factory: 'Editor' });
}
