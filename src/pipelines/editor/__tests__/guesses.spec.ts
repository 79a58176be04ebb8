import { confirmGuess, guessesIn, markGuesses } from '../guesses';

/** Return a pipeline whose step `report` has these lines. */
function pipeline(...lines: string[]): string {
  return ['steps:', '  report:', ...lines.map(line => `    ${line}`), ''].join(
    '\n'
  );
}

const guessed = (source: string) => guessesIn(source).map(({ from }) => from);
const needs = (...from: string[]) =>
  from.map(each => ({ from: each, to: 'report' }));

describe('guessesIn', () => {
  it('finds the mark behind a list for all of it', () => {
    const source = pipeline('needs: [clean, train]  # guessed');
    expect(guessed(source)).toEqual(['clean', 'train']);
  });

  it('finds a mark that names steps, and one behind an item', () => {
    expect(
      guessed(pipeline('needs: [clean, train]  # guessed: train'))
    ).toEqual(['train']);
    expect(
      guessed(pipeline('needs:', '  - clean  # guessed', '  - train'))
    ).toEqual(['clean']);
  });

  it.each([
    pipeline('needs: [clean]  # checked'),
    pipeline('needs: [clean]', '# guessed'),
    pipeline('needs: clean  # guessed'),
    pipeline('notebook: a.ipynb  # guessed'),
    'steps: [',
    'steps: 3',
    ''
  ])('finds none in %j', source => {
    expect(guessesIn(source)).toEqual([]);
  });
});

describe('confirmGuess', () => {
  it('takes the mark away, also from the files that go along the edge', () => {
    const source = pipeline(
      'needs: [clean]  # guessed',
      'files:',
      '  - {from: clean, paths: [a.csv], into: .}  # guessed',
      '  - {from: other, paths: [b.csv]}  # keep'
    );
    expect(confirmGuess(source, needs('clean')[0])).toBe(
      pipeline(
        'needs: [clean]',
        'files:',
        '  - {from: clean, paths: [a.csv], into: .}',
        '  - {from: other, paths: [b.csv]}  # keep'
      )
    );
  });

  it('leaves the other guesses of a list marked', () => {
    const source = pipeline('needs: [clean, train]  # guessed');
    expect(confirmGuess(source, needs('clean')[0])).toBe(
      pipeline('needs: [clean, train]  # guessed: train')
    );
  });

  it('keeps the ends of lines as they are', () => {
    const source = pipeline('needs: [clean]  # guessed').replace(/\n/g, '\r\n');
    expect(confirmGuess(source, needs('clean')[0])).toBe(
      pipeline('needs: [clean]').replace(/\n/g, '\r\n')
    );
  });
});

describe('markGuesses', () => {
  it('marks a whole list with one word', () => {
    expect(
      markGuesses(pipeline('needs: [clean, train]'), needs('clean', 'train'))
    ).toBe(pipeline('needs: [clean, train]  # guessed'));
  });

  it('names the guesses among needs that are certain', () => {
    expect(markGuesses(pipeline('needs: [clean, train]'), needs('train'))).toBe(
      pipeline('needs: [clean, train]  # guessed: train')
    );
  });

  it('marks an item of a list with a line for each', () => {
    expect(
      markGuesses(pipeline('needs:', '  - clean', '  - train'), needs('train'))
    ).toBe(pipeline('needs:', '  - clean', '  - train  # guessed'));
  });

  it('leaves a line that has another comment as it is', () => {
    const source = pipeline('needs: [clean]  # slow');
    expect(markGuesses(source, needs('clean'))).toBe(source);
  });
});
