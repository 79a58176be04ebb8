import { tabsOf } from '../view';

describe('tabsOf', () => {
  it('shows the notebook of a notebook first', () => {
    expect(tabsOf('notebook')[0]).toBe('notebook');
  });

  it('shows the log of a script or command first, and no notebook or report', () => {
    for (const kind of ['script', 'command'] as const) {
      expect(tabsOf(kind)).toEqual(['log', 'parameters', 'artifacts']);
    }
  });

  it('shows the steps of a pipeline, which has no log and no files of its own', () => {
    expect(tabsOf('pipeline')).toEqual(['steps', 'parameters']);
  });
});
